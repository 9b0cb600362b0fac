# frozen_string_literal: true

class FanOutOnWriteService
  BATCH = 1000

  def call(status)
    @status = status
    @account = status.account

    deliver_to_self if @account.local?
    notify_mentioned
    deliver_to_followers unless status.direct_visibility?
    deliver_to_direct if status.direct_visibility?
    deliver_to_public if status.public_visibility? && status.in_reply_to_id.nil?
  end

  private

  def deliver_to_self
    FeedManager.instance.push_to_home(@account, @status) unless @status.direct_visibility?
  end

  def deliver_to_followers
    Account.local.joins(:active_relationships).where(follows: { target_account_id: @account.id }).select(:id).in_batches(of: BATCH) do |followers|
      Sidekiq::Client.push_bulk('class' => FeedInsertWorker, 'queue' => 'default', 'args' => followers.pluck(:id).map { |id| [@status.id, id, 'home', {}] })
    end
  end

  def notify_mentioned
    mentions = @status.mentions.joins(:account).merge(Account.local).to_a
    mentions.each { |mention| LocalNotificationWorker.perform_async(mention.account_id, mention.id, 'Mention', 'mention') }
  end

  def deliver_to_direct
    ids = [@account.id, *@status.mentions.pluck(:account_id)].uniq
    payload = render
    RedisConnection.with do |redis|
      ids.each { |id| redis.publish("timeline:direct:#{id}", payload) if redis.exists?("subscribed:timeline:direct:#{id}") }
    end
  end

  def deliver_to_public
    payload = render
    channels = ['timeline:public', @status.local? ? 'timeline:public:local' : 'timeline:public:remote']
    channels += channels.map { |channel| "#{channel}:media" } if @status.media_attachments.any?
    RedisConnection.with { |redis| channels.each { |channel| redis.publish(channel, payload) } }
  end

  def render = JSON.generate(event: :update, payload: Entities.status(@status), queued_at: (Time.now.to_f * 1000).to_i)
end
