# frozen_string_literal: true

module Doorkeeper
  class Application < ApplicationRecord
    self.table_name = 'oauth_applications'

    has_many :access_tokens, class_name: 'Doorkeeper::AccessToken', dependent: :delete_all, inverse_of: :application

    validates :name, :redirect_uri, presence: true
    before_validation(on: :create) do
      self.uid = SecureRandom.urlsafe_base64(32) if uid.blank?
      self.secret = SecureRandom.urlsafe_base64(32) if secret.blank?
    end
  end
end
