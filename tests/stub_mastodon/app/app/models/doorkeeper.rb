# frozen_string_literal: true

module Doorkeeper
  def self.table_name_prefix = 'oauth_'
end
