# frozen_string_literal: true

class RedisConnection
  class << self
    delegate :with, to: :pool

    def establish_pool(new_pool_size)
      @pool&.shutdown(&:close)
      @pool = ConnectionPool.new(size: new_pool_size) { new.connection }
    end

    def pool = @pool ||= establish_pool(pool_size)

    def pool_size
      Sidekiq.server? ? Sidekiq.default_configuration[:concurrency] : ENV.fetch('MAX_THREADS', 5).to_i
    end
  end

  # A pool takes Redis clients of this kind, so does whatever wants one connection of its own.
  def connection = Redis.new(**Rails.configuration.x.redis.base, middlewares: [CostShape::RedisCounter])
end
