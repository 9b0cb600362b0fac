# frozen_string_literal: true

# Loads the initializer into a process that looks like Mastodon, or not quite, and prints what the store was made from.
require 'connection_pool'
require 'json'

initializer, shape = ARGV
LINES = []

module Rails
  def self.logger
    @logger ||= Class.new { def warn(text) = LINES << text }.new
  end
end

unless shape == 'no_pool'
  class RedisConnection
    def self.pool
      @pool ||= ConnectionPool.new(size: 25) { Object.new }
    end
  end
end

# As in stoplight 5.8.
module Stoplight
  module DataStore
    class Redis
      attr_reader :redis

      def initialize(redis, warn_on_clock_skew: true)
        @redis = redis
        @warn_on_clock_skew = warn_on_clock_skew
      end
    end
  end
end

if shape == 'other_constructor'
  Stoplight::DataStore.send(:remove_const, :Redis)
  Stoplight::DataStore::Redis = Class.new do
    attr_reader :redis

    def initialize(redis:) = @redis = redis
  end
elsif shape == 'no_stoplight'
  Object.send(:remove_const, :Stoplight)
end

load initializer

connection = Object.new
made =
  case shape
  when 'no_stoplight' then nil
  when 'other_constructor' then Stoplight::DataStore::Redis.new(redis: connection).redis
  when 'own_pool' then Stoplight::DataStore::Redis.new(ConnectionPool.new(size: 3) { Object.new }).redis
  else Stoplight::DataStore::Redis.new(connection, warn_on_clock_skew: false).redis
  end
kind = made.equal?(connection) ? 'connection' : made && "pool of #{made.size}"
puts JSON.generate(made: kind, lines: LINES)
