# frozen_string_literal: true

# The logical Redis of jobs never has a prefix: any other tool finds the keys by their names.
sidekiq_redis = Rails.application.config.x.redis.sidekiq

Sidekiq.configure_server do |config|
  config.redis = sidekiq_redis

  version = config.redis_info['redis_version']
  raise "You are connecting to Redis #{version}, Sidekiq requires Redis 7.0.0 or greater" if Gem::Version.new(version) < Gem::Version.new('7.0.0')

  ready = ENV['MASTODON_SIDEKIQ_READY_FILENAME'].presence
  if ready
    raise 'MASTODON_SIDEKIQ_READY_FILENAME is not a valid filename' if File.basename(ready) != ready

    ready_path = Rails.root.join('tmp', ready)
    config.on(:startup) { FileUtils.mkdir_p(ready_path.dirname) && FileUtils.touch(ready_path) }
    config.on(:shutdown) { FileUtils.rm_f(ready_path) }
  end

  config.on(:startup) { Mastodon::Timers.start(config) }
  config.on(:quiet) { Mastodon::Timers.stop }
  config.server_middleware do |chain|
    chain.add(Mastodon::ShortBacktrace)
    chain.add(Mastodon::QueueName)
  end
end

Sidekiq.configure_client { |config| config.redis = sidekiq_redis }

Sidekiq.logger.level = ::Logger.const_get(ENV.fetch('RAILS_LOG_LEVEL', 'info').upcase)
