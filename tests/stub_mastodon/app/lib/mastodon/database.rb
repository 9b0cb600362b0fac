# frozen_string_literal: true

module Mastodon
  module Database
    module_function

    # Any value that is not empty skips, "false" included.
    def migrations_paths
      return ['db/migrate'] if ENV['SKIP_POST_DEPLOYMENT_MIGRATIONS'].present?

      ['db/migrate', 'db/post_migrate']
    end
  end
end
