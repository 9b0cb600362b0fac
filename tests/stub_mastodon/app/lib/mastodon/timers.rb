# frozen_string_literal: true

require 'socket'

module Mastodon
  # The timers of config/sidekiq.yml. Only a process that listens to a timer's queue runs it; of two such
  # processes each fires on its own clock, because the guard in Redis is (name, exact second).
  module Timers
    module_function

    def start(config)
      listened = config.capsules.values.flat_map(&:queues).uniq
      @stopping = false
      @threads = schedule(config).filter_map do |name, timer|
        Thread.new { tick(name, timer) } if listened.include?(timer['queue'])
      end
    end

    def stop
      @stopping = true
    end

    def schedule(config)
      settings = config[:scheduler] || YAML.load(ERB.new(Rails.root.join('config/sidekiq.yml').read).result, permitted_classes: [Symbol])[:scheduler]
      settings.with_indifferent_access[:schedule] || {}
    end

    def tick(name, timer)
      until @stopping
        sleep(timer['interval'])
        push(name, timer) unless @stopping
      end
    rescue StandardError => e
      Sidekiq.logger.warn("timer #{name}: #{e.class}: #{e.message}")
      retry unless @stopping
    end

    def push(name, timer)
      now = Time.now.to_i
      Sidekiq.redis do |redis|
        return if redis.call('ZADD', "sidekiq-scheduler:pushed:#{name}", now, now).zero?

        redis.call('ZREMRANGEBYSCORE', "sidekiq-scheduler:pushed:#{name}", '-inf', now - 86_400)
        redis.call('HSET', 'sidekiq-scheduler:last_times', name, Time.now.to_s)
        redis.call('HSET', 'sidekiq-scheduler:next_times', name, (Time.now + timer['interval']).to_s)
      end
      Sidekiq::Client.push('class' => timer['class'], 'queue' => timer['queue'],
                           'args' => [{ 'timer' => name, 'host' => Socket.gethostname, 'pid' => ::Process.pid }])
    end
  end

  class ShortBacktrace
    include Sidekiq::ServerMiddleware

    def call(*)
      yield
    rescue StandardError => e
      e.set_backtrace(e.backtrace&.first(3)) unless ENV['BACKTRACE']
      raise
    end
  end

  # A job does not know its queue; what it writes down about itself shall.
  class QueueName
    include Sidekiq::ServerMiddleware

    def call(_job, _hash, queue)
      Thread.current[:lab_queue] = queue
      yield
    ensure
      Thread.current[:lab_queue] = nil
    end
  end
end
