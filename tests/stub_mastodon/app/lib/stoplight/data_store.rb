# frozen_string_literal: true

require 'monitor'

module Stoplight
  module DataStore
    class Base; end

    class Memory < Base
      def initialize
        super
        @failures = Hash.new(0)
        @opened = {}
        @lock = Monitor.new
      end

      def state(name, _cool_off) = @lock.synchronize { [@failures[name], @opened[name]] }
      def enter(_name) = nil
      def success(name) = @lock.synchronize { @failures.delete(name) && @opened.delete(name) }

      def failure(name, threshold)
        @lock.synchronize do
          @opened[name] = Time.now.to_f if (@failures[name] += 1) >= threshold
          @failures[name]
        end
      end
    end

    # `redis` is one connection, which all threads of the process then share and wait for, or a pool of
    # them: both answer to `then`. Each method is one round trip.
    class Redis < Base
      attr_reader :redis, :warn_on_clock_skew

      def initialize(redis, warn_on_clock_skew: true)
        super()
        @redis = redis
        @warn_on_clock_skew = warn_on_clock_skew
      end

      def state(name, _cool_off)
        failures, opened = redis.then { |client| client.hmget(key(name), 'failures', 'opened') }
        [failures.to_i, opened&.to_f]
      end

      def enter(name) = redis.then { |client| client.hset(key(name), 'last', Time.now.to_f) }
      def success(name) = redis.then { |client| client.hdel(key(name), 'failures', 'opened') }

      def failure(name, threshold)
        redis.then do |client|
          failures = client.hincrby(key(name), 'failures', 1)
          client.hset(key(name), 'opened', Time.now.to_f) if failures >= threshold
          failures
        end
      end

      private

      def key(name) = "stoplight:v5:metadata:#{name}"
    end
  end
end
