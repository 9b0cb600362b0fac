# frozen_string_literal: true

# Gives a job or a request the price that it has on the real thing: so many statements, so many Redis
# commands, so much CPU between them in slices. What the body really does counts; the rest is filled up.
module CostShape
  Shape = Struct.new(:cpu_ms, :sql, :redis)

  # Measured on one thread near the database.
  TABLE = {
    feed_insert: Shape.new(3.4, 11, 5),
    local_notification: Shape.new(6.4, 22, 5),
    distribution: Shape.new(4.5, 16, 13),
    regeneration: Shape.new(109, 12, 4),
    activitypub_distribution: Shape.new(5.0, 21, 5),
    delivery: Shape.new(6.9, 3, 7),
    ingress_create: Shape.new(8.9, 16, 15),
    ingress_ignored: Shape.new(1.3, 4, 1),
    ingress_like: Shape.new(4.9, 11, 3),
    ingress_announce: Shape.new(9.8, 21, 9),
    ingress_delete: Shape.new(1.7, 5, 9),
    mail_welcome: Shape.new(103, 4, 0),
    mail_mention: Shape.new(56, 6, 0),
    post_status: Shape.new(12.4, 15, 19),
    picture: Shape.new(68, 4, 1),
    home_timeline: Shape.new(50, 12, 4),
    public_timeline: Shape.new(58, 12, 2),
    notifications: Shape.new(11, 6, 1),
    front_page: Shape.new(9, 3, 1),
    profile: Shape.new(12, 5, 1),
    actor: Shape.new(3.1, 2, 1),
    account: Shape.new(6.5, 5, 1),
    inbox: Shape.new(4.1, 2, 2),
  }.freeze

  module RedisCounter
    def call(command, config)
      CostShape.count(:redis)
      super
    end

    def call_pipelined(commands, config)
      CostShape.count(:redis, commands.size)
      super
    end
  end

  class << self
    def count(kind, by = 1)
      counters = Thread.current[:cost_shape]
      counters[kind] += by if counters
    end

    def charge(name)
      return yield if Thread.current[:cost_shape]

      shape = TABLE.fetch(name)
      started = cpu_now
      Thread.current[:cost_shape] = { sql: 0, redis: 0 }
      begin
        result = yield
        fill(shape, started) unless factor.zero?
        result
      ensure
        Thread.current[:cost_shape] = nil
      end
    end

    # LAB_COST_FACTOR=0 turns the filling off, for a test that wants a fast application and no prices.
    def factor = @factor ||= ENV.fetch('LAB_COST_FACTOR', '1').to_f

    def burn(milliseconds)
      till = cpu_now + milliseconds
      Digest::SHA256.hexdigest('burn') while cpu_now < till
    end

    private

    def cpu_now = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID, :float_millisecond)

    def fill(shape, started)
      used = Thread.current[:cost_shape]
      trips = Array.new([shape.sql - used[:sql], 0].max, :sql) + Array.new([shape.redis - used[:redis], 0].max, :redis)
      # A trip of ours costs CPU too, which is part of the price: only what is missing is burnt.
      trips.shuffle.each_with_index do |trip, index|
        trip == :sql ? query : RedisConnection.with { |redis| redis.exists?('account:price') }
        missing = (shape.cpu_ms * factor) - (cpu_now - started)
        burn(missing / (trips.size - index)) if missing.positive?
      end
      missing = (shape.cpu_ms * factor) - (cpu_now - started)
      burn(missing) if missing.positive?
    end

    # As cheap as a statement can be; the connection goes back to its pool after each, prepared or not.
    def query
      id = rand(1 << 40)
      Account.with_connection do |connection|
        if connection.prepared_statements?
          bind = ActiveRecord::Relation::QueryAttribute.new('id', id, ActiveRecord::Type::BigInteger.new)
          connection.exec_query('SELECT username FROM accounts WHERE id = $1', 'Price', [bind], prepare: true)
        else
          connection.exec_query("SELECT username FROM accounts WHERE id = #{id}", 'Price')
        end
      end
    end
  end
end
