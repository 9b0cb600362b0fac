# frozen_string_literal: true

class DeliveryFailureTracker
  def initialize(url)
    @host = URI.parse(url).then { |uri| uri.port == uri.default_port ? uri.host : "#{uri.host}:#{uri.port}" }
  end

  def track_success! = RedisConnection.with { |redis| redis.del(key) }

  def track_failure!
    RedisConnection.with do |redis|
      redis.sadd(key, Time.now.utc.strftime('%Y%m%d'))
      redis.expire(key, 60.days.to_i)
    end
  end

  private

  def key = "exhausted_deliveries:#{@host}"
end
