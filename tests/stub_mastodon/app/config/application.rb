# frozen_string_literal: true

require_relative 'boot'

require 'rails'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'action_view/railtie'
require 'action_mailer/railtie'
require 'active_job/railtie'

require 'sidekiq'
require 'dotenv/rails'
Bundler.require(*Rails.groups)

require_relative '../lib/mastodon/version'
require_relative '../lib/mastodon/database'
require_relative '../lib/mastodon/email_configuration'
require_relative '../lib/mastodon/redis_configuration'
require_relative '../lib/mastodon/snowflake'
require_relative '../lib/mastodon/database_tasks_extensions'
require_relative '../lib/mastodon/client_address'
require_relative '../lib/mastodon/busy_pooler'
require_relative '../lib/mastodon/timers'
require_relative '../lib/action_dispatch/remote_ip_extensions'
require_relative '../lib/stoplight'

module Mastodon
  class UnexpectedResponseError < StandardError; end
  class ValidationError < StandardError; end
  class PrivateNetworkAddressError < StandardError; end
  class NotPermittedError < StandardError; end

  class Application < Rails::Application
    config.load_defaults 7.2
    config.time_zone = 'UTC'
    config.active_job.queue_adapter = :sidekiq
    config.action_mailer.deliver_later_queue_name = 'mailers'
    config.public_file_server.enabled = ENV['RAILS_SERVE_STATIC_FILES'] == 'true'
    config.generators.system_tests = nil
    config.add_autoload_paths_to_load_path = false

    REDIS_CONFIGURATION = RedisConfiguration.new
    config.x.redis = REDIS_CONFIGURATION
    config.cache_store = [:redis_cache_store, REDIS_CONFIGURATION.cache]
  end
end
