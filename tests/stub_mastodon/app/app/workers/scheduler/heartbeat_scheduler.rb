# frozen_string_literal: true

module Scheduler
  # The visible trace of the timers: who fired and who worked.
  class HeartbeatScheduler
    include Sidekiq::Job

    sidekiq_options queue: 'scheduler', retry: 0

    def perform(fired = {})
      SchedulerHeartbeat.create!(hostname: Socket.gethostname, pid: Process.pid, timer_hostname: fired['host'], timer_pid: fired['pid'])
    end
  end
end
