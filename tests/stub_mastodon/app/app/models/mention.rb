# frozen_string_literal: true

class Mention < ApplicationRecord
  belongs_to :account
  belongs_to :status
end
