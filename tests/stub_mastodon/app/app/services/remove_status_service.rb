# frozen_string_literal: true

class RemoveStatusService
  def call(status)
    status.update!(deleted_at: Time.now.utc)
    Account.where(id: status.account_id).where('statuses_count > 0').update_all('statuses_count = statuses_count - 1')
    followers = Follow.where(target_account_id: status.account_id).pluck(:account_id)
    [status.account_id, *followers].each { |id| FeedManager.instance.remove_from_home(id, status.id) }
    return unless status.distributable?

    event = JSON.generate(event: :delete, payload: status.id.to_s)
    RedisConnection.with do |redis|
      redis.publish('timeline:public', event)
      redis.publish(status.local? ? 'timeline:public:local' : 'timeline:public:remote', event)
    end
  end
end
