# frozen_string_literal: true

module Scheduler
  class VacuumScheduler
    include Sidekiq::Job

    sidekiq_options queue: 'scheduler', retry: 0

    def perform(*)
      SchedulerHeartbeat.where(created_at: ...1.day.ago).in_batches.delete_all
      Doorkeeper::AccessGrant.where(created_at: ...1.day.ago).in_batches.delete_all
      MediaAttachment.unattached.where(created_at: ...1.day.ago).find_each { |media| media.erase && media.destroy }
    end
  end
end
