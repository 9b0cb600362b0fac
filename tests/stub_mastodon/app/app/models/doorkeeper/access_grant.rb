# frozen_string_literal: true

module Doorkeeper
  class AccessGrant < ApplicationRecord
    self.table_name = 'oauth_access_grants'

    belongs_to :application, class_name: 'Doorkeeper::Application'
    belongs_to :resource_owner, class_name: 'User'

    before_create { self.token = SecureRandom.urlsafe_base64(32) if token.blank? }

    def acceptable? = revoked_at.nil? && created_at + expires_in > Time.now.utc
  end
end
