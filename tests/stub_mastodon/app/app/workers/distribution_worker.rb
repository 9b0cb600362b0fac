# frozen_string_literal: true

class DistributionWorker
  include Sidekiq::Job

  def perform(status_id, _options = {})
    CostShape.charge(:distribution) { FanOutOnWriteService.new.call(Status.for_display.find(status_id)) }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
