# frozen_string_literal: true

module Mastodon
  # Three logical stores. A prefixed set counts only when it has a URL, a host or a full pair of sentinel
  # settings; then nothing is inherited from the base set. A port, a password or a number alone is ignored.
  class RedisConfiguration
    def base = @base ||= setup('')
    def sidekiq = @sidekiq ||= setup('SIDEKIQ_', fallback: base)
    def cache = @cache ||= setup('CACHE_', fallback: base).merge(namespace: 'cache', expires_in: 10.minutes, connect_timeout: 5, pool: { size: 5, timeout: 5 })

    private

    def setup(prefix, fallback: {})
      read = ->(name, default = nil) { ENV["#{prefix}#{name}"].presence || default }

      if read.call('REDIS_URL')
        { url: read.call('REDIS_URL') }
      elsif read.call('REDIS_SENTINELS') && read.call('REDIS_SENTINEL_MASTER')
        sentinels(read)
      elsif read.call('REDIS_HOST') || prefix.empty?
        { url: url(read) }
      else
        fallback
      end.dup
    end

    def url(read)
      user = read.call('REDIS_USER')
      password = read.call('REDIS_PASSWORD')
      auth = "#{ERB::Util.url_encode(user.to_s)}:#{ERB::Util.url_encode(password.to_s)}@" if user || password
      "redis://#{auth}#{read.call('REDIS_HOST', 'localhost')}:#{read.call('REDIS_PORT', 6379)}/#{read.call('REDIS_DB', 0)}"
    end

    def sentinels(read)
      port = read.call('REDIS_SENTINEL_PORT', 26_379)
      hosts = read.call('REDIS_SENTINELS').split(',').map do |item|
        host, own_port = item.split(':')
        { host: host, port: Integer(own_port || port) }
      end
      {
        url: "redis://#{read.call('REDIS_SENTINEL_MASTER')}", name: read.call('REDIS_SENTINEL_MASTER'), sentinels: hosts,
        username: read.call('REDIS_USER'), password: read.call('REDIS_PASSWORD'), db: Integer(read.call('REDIS_DB', 0)),
        sentinel_username: read.call('REDIS_SENTINEL_USERNAME', read.call('REDIS_USER')),
        sentinel_password: read.call('REDIS_SENTINEL_PASSWORD', read.call('REDIS_PASSWORD')),
      }.compact
    end
  end
end
