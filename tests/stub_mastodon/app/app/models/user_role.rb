# frozen_string_literal: true

class UserRole < ApplicationRecord
  has_many :users, foreign_key: :role_id, dependent: :nullify, inverse_of: :role
end
