# frozen_string_literal: true

module ActivityPub
  class DistributionWorker
    include Sidekiq::Job

    sidekiq_options queue: 'push'

    def perform(status_id)
      CostShape.charge(:activitypub_distribution) do
        status = Status.for_display.find(status_id)
        targets = inboxes(status)
        next if targets.empty?

        json = JSON.generate(RenderService.create(status))
        DeliveryWorker.perform_bulk(targets.map { |url| [json, status.account_id, url, {}] })
      end
    rescue ActiveRecord::RecordNotFound
      true
    end

    private

    def inboxes(status)
      remote = Account.remote
      followers = remote.joins(:active_relationships).where(follows: { target_account_id: status.account_id })
      accounts = remote.where(id: status.mentions.select(:account_id))
      accounts = accounts.or(remote.where(id: followers.select(:id))) unless status.direct_visibility?
      accounts.distinct.pluck(Arel.sql("CASE shared_inbox_url WHEN '' THEN inbox_url ELSE shared_inbox_url END")).uniq.compact_blank
    end
  end
end
