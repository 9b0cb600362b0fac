# frozen_string_literal: true

require_relative 'stoplight/data_store'
require_relative 'stoplight/light'

# A circuit breaker with the outer shape of the gem of that name, release line 5.8: the same way to
# configure it, a Redis data store that takes a connection or a pool of them, three round trips per run.
module Stoplight
  VERSION = '5.8.2'

  module Error
    class Base < StandardError; end
    class ConfigurationError < Base; end
    class RedLight < Base; end
  end

  module Notifier
    class Logger
      def initialize(logger) = @logger = logger
      def notify(name, from, to, error) = @logger.warn("Switching #{name} from #{from} to #{to} because #{error.class}")
    end
  end

  Configuration = Struct.new(:data_store, :notifiers, :cool_off_time, :threshold, :tracked_errors, :skipped_errors,
                             :window_size, :recovery_threshold, :error_notifier, :traffic_control, :traffic_recovery)

  class << self
    def configure(trust_me_im_an_engineer: false)
      warn('Stoplight reconfigured. Existing circuit breakers will not see the new configuration.') if @configuration && !trust_me_im_an_engineer
      configuration = defaults
      yield(configuration) if block_given?
      @registered = {}
      @configuration = configuration.freeze
    end

    def default_config = @configuration ||= defaults.freeze

    def register(name, **settings) = registered[name] = settings

    def light(name)
      settings = registered.fetch(name) { raise Error::ConfigurationError, "Light #{name} is not registered" }
      Light.new(name, default_config, settings)
    end

    private

    def registered = @registered ||= {}

    def defaults
      Configuration.new(DataStore::Memory.new, [], 60, 3, [StandardError], [NoMemoryError, ScriptError, SecurityError, SignalException, SystemExit, SystemStackError], nil, 1)
    end
  end
end

def Stoplight(name, **settings) # rubocop:disable Naming/MethodName
  Stoplight::Light.new(name, Stoplight.default_config, settings)
end
