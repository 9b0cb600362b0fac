# frozen_string_literal: true

module ActivityPub
  class ProcessingWorker
    include Sidekiq::Job

    sidekiq_options queue: 'ingress', backtrace: true, retry: 8

    def perform(actor_id, body, _delivered_to_account_id = nil, _actor_type = 'Account')
      actor = Account.find(actor_id)
      price = ProcessActivityService.price(body, actor)
      CostShape.charge(price) { ProcessActivityService.new.call(body, actor, relevant: price != :ingress_ignored) }
    rescue ActiveRecord::RecordNotFound
      true
    end
  end
end
