# frozen_string_literal: true

module Doorkeeper
  class AccessToken < ApplicationRecord
    self.table_name = 'oauth_access_tokens'

    belongs_to :application, class_name: 'Doorkeeper::Application', optional: true, inverse_of: :access_tokens
    belongs_to :resource_owner, class_name: 'User', optional: true, inverse_of: :access_tokens

    before_create { self.token = SecureRandom.urlsafe_base64(32) if token.blank? }

    def self.by_token(value)
      token = find_by(token: value.to_s)
      token if token&.acceptable?
    end

    def acceptable? = revoked_at.nil? && (expires_in.nil? || created_at + expires_in > Time.now.utc)
    def scope?(*wanted) = wanted.intersect?(scopes.to_s.split.flat_map { |scope| [scope, scope.split(':').first] })
    def revoke = update!(revoked_at: Time.now.utc)
  end
end
