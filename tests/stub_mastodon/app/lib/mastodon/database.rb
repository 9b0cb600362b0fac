# frozen_string_literal: true

module Mastodon
  module Database
    module_function

    # What DB_POOL says, else one connection for each thread of the process.
    def pool = ENV['DB_POOL'] || (Sidekiq.server? ? Sidekiq.default_configuration[:concurrency] : ENV['MAX_THREADS']) || 5

    # Any value that is not empty skips, "false" included.
    def migrations_paths
      return ['db/migrate'] if ENV['SKIP_POST_DEPLOYMENT_MIGRATIONS'].present?

      ['db/migrate', 'db/post_migrate']
    end
  end
end
