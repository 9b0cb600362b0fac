# frozen_string_literal: true

module Stoplight
  class Light
    attr_reader :name

    def initialize(name, defaults, settings)
      unknown = settings.keys - defaults.members
      raise ArgumentError, "unknown keywords: #{unknown.join(', ')}" if unknown.any?

      @name = name
      @config = defaults.to_h.merge(settings)
    end

    def color = open?(*store.state(name, @config[:cool_off_time])) ? 'red' : 'green'

    def run(fallback = nil)
      failures, opened = store.state(name, @config[:cool_off_time])
      return refuse(fallback) if open?(failures, opened)

      store.enter(name)
      result = yield
      store.success(name)
      result
    rescue *@config[:skipped_errors], Error::RedLight
      raise
    rescue *Array(@config[:tracked_errors]) => e
      failed(e)
      raise
    end

    private

    def store = @config[:data_store]
    def open?(_failures, opened) = opened && Time.now.to_f - opened < @config[:cool_off_time]

    def refuse(fallback)
      raise Error::RedLight, name unless fallback

      fallback.call(nil)
    end

    def failed(error)
      count = store.failure(name, @config[:threshold])
      @config[:notifiers].each { |notifier| notifier.notify(name, 'green', 'red', error) } if count == @config[:threshold]
    end
  end
end
