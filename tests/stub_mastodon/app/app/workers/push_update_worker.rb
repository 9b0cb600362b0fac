# frozen_string_literal: true

class PushUpdateWorker
  include Sidekiq::Job

  def perform(account_id, status_id, timeline_id = nil, _options = {})
    status = Status.for_display.find(status_id)
    payload = JSON.generate(event: :update, payload: Entities.status(status), queued_at: (Time.now.to_f * 1000).to_i)
    RedisConnection.with { |redis| redis.publish(timeline_id || "timeline:#{account_id}", payload) }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
