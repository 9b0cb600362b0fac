# frozen_string_literal: true

# Managed by fediverse.mastodon (role mastodon): put into the release when it is packed.
#
# Deliveries ask a circuit breaker (the gem stoplight), which has one Redis connection per process, so that all threads
# take turns over the network. Its store takes a connection pool just as well. Where the unit says
# MASTODON_BREAKER_POOL=true, it gets Mastodon's own pool, which has as many connections as the process has threads.
#
# Nothing is changed where anything is not as expected; one line in the log says so.

module FediverseBreakerPool
  class << self
    # Why this process is left as it is; nil when nothing speaks against it.
    def objection
      return 'Stoplight has no Redis store' unless defined?(::Stoplight::DataStore::Redis)
      return 'there is no ConnectionPool' unless defined?(::ConnectionPool)

      first, *others = ::Stoplight::DataStore::Redis.instance_method(:initialize).parameters
      return 'the Redis store is not made from one connection' unless first == %i(req redis)
      return 'the Redis store asks for more than a connection' if others.any? { |kind, _| %i(req keyreq).include?(kind) }
      # The store calls both.
      return 'ConnectionPool hands out connections in another way' unless %i(with then).all? { |name| ::ConnectionPool.method_defined?(name) }

      nil
    end

    # Mastodon's pool, or nil when it is not one.
    def pool
      return unless defined?(::RedisConnection) && ::RedisConnection.respond_to?(:pool)

      pool = ::RedisConnection.pool
      pool if pool.is_a?(::ConnectionPool)
    end

    def say(text)
      ::Rails.logger&.warn("fediverse.mastodon: breaker pool: #{text}")
    end

    def install
      reason = objection
      return say("left as it is, #{reason}") if reason

      ::Stoplight::DataStore::Redis.singleton_class.prepend(Swap)
    end
  end

  # Mastodon makes the store in a to_prepare block, which runs after all initializers.
  module Swap
    def new(redis, *args, **options)
      pool = FediverseBreakerPool.pool unless redis.is_a?(::ConnectionPool)
      if pool
        FediverseBreakerPool.say("on, #{pool.size} connections")
      elsif !redis.is_a?(::ConnectionPool)
        FediverseBreakerPool.say('left as it is, Mastodon has no pool of Redis connections')
      end
      super(pool || redis, *args, **options)
    end
  end
end

FediverseBreakerPool.install if ENV['MASTODON_BREAKER_POOL'] == 'true'
