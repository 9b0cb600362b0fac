# frozen_string_literal: true

module Fasp
  class AnnounceWorker
    include Sidekiq::Job

    sidekiq_options queue: 'fasp', retry: 5

    def perform(*) = Account.local.count
  end
end
