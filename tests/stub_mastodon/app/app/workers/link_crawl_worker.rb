# frozen_string_literal: true

# Mastodon fetches the preview of a link here. A post that is gone is no error, which makes -1 a job without effect.
class LinkCrawlWorker
  include Sidekiq::Job

  sidekiq_options queue: 'pull', retry: 0

  def perform(status_id)
    Status.find(status_id)
    true
  rescue ActiveRecord::RecordNotFound
    true
  end
end
