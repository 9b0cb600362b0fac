# frozen_string_literal: true

class Favourite < ApplicationRecord
  belongs_to :account
  belongs_to :status
end
