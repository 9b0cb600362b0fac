# frozen_string_literal: true

class FeedInsertWorker
  include Sidekiq::Job

  def perform(status_id, id, type = 'home', _options = {})
    raise ArgumentError, "Unknown feed type: #{type}" unless type == 'home'

    CostShape.charge(:feed_insert) { FeedManager.instance.push_to_home(Account.find(id), Status.find(status_id)) }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
