# frozen_string_literal: true

class RegenerationWorker
  include Sidekiq::Job

  def perform(account_id, _options = {})
    CostShape.charge(:regeneration) { FeedManager.instance.populate_home(Account.find(account_id)) }
  rescue ActiveRecord::RecordNotFound
    true
  end
end
