# frozen_string_literal: true

class FeedManager
  include Singleton

  MAX_ITEMS = 800

  def key(type, id) = "feed:#{type}:#{id}"

  def push_to_home(account, status)
    RedisConnection.with do |redis|
      redis.zadd(key(:home, account.id), status.id, status.id)
      redis.zremrangebyrank(key(:home, account.id), 0, -(MAX_ITEMS + 2)) if rand(20).zero?
      subscribed = redis.exists?("subscribed:timeline:#{account.id}")
      PushUpdateWorker.perform_async(account.id, status.id, "timeline:#{account.id}") if subscribed
    end
  end

  def remove_from_home(account_id, status_id)
    RedisConnection.with do |redis|
      redis.zrem(key(:home, account_id), status_id)
      redis.publish("timeline:#{account_id}", JSON.generate(event: :delete, payload: status_id.to_s))
    end
  end

  def home(account, limit, max_id: nil, since_id: nil)
    RedisConnection.with do |redis|
      redis.zrevrangebyscore(key(:home, account.id), max_id ? "(#{max_id}" : '+inf', since_id ? "(#{since_id}" : '-inf', limit: [0, limit]).map(&:to_i)
    end
  end

  def home?(account) = RedisConnection.with { |redis| redis.exists?(key(:home, account.id)) }

  def populate_home(account)
    ids = home_query(account).limit(400).pluck(:id)
    RedisConnection.with { |redis| redis.zadd(key(:home, account.id), ids.map { |id| [id, id] }) } if ids.any?
    ids.size
  end

  def home_query(account)
    Status.where(account_id: account.active_relationships.select(:target_account_id)).where(visibility: [:public, :unlisted, :private])
          .or(Status.where(account_id: account.id)).recent
  end
end
