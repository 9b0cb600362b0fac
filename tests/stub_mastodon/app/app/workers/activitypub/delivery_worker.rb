# frozen_string_literal: true

module ActivityPub
  class DeliveryWorker
    include Sidekiq::Job

    BREAKER = { cool_off_time: 60, threshold: 10 }.freeze

    sidekiq_options queue: 'push', retry: 16, dead: false

    def perform(json, source_account_id, inbox_url, _options = {})
      CostShape.charge(:delivery) do
        account = Account.find(source_account_id)
        tracker = DeliveryFailureTracker.new(inbox_url)
        begin
          deliver(json, account, inbox_url)
          tracker.track_success!
        rescue StandardError
          tracker.track_failure!
          raise
        end
      end
    end

    private

    # All deliveries of a process go through the breaker's data store: three round trips, each one taken
    # in turn by all threads as long as the store has a single connection.
    def deliver(json, account, inbox_url)
      Stoplight(inbox_url, **BREAKER).run do
        response = RemoteRequest.new(:post, inbox_url, body: json, account: account).perform
        raise Mastodon::UnexpectedResponseError, "#{inbox_url} returned code #{response.code}" unless response.is_a?(Net::HTTPSuccess) || gone?(response)
      end
    end

    def gone?(response) = %w(401 404 410).include?(response.code)
  end
end
