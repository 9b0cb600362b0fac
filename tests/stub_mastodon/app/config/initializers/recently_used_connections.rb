# frozen_string_literal: true

# Rails 8.1, on which Mastodon 4.6 runs, asks a connection whether it is alive only when it was idle for two seconds. 7.2 asks
# after every checkout, and outside transactions every statement is one: a round trip more each.
module RecentlyUsedConnection
  IDLE_SECONDS = 2

  def verify!
    now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    if @raw_connection && @asked_at && now - @asked_at < IDLE_SECONDS
      @verified = true
    else
      super
    end
    @asked_at = now
  end
end

ActiveSupport.on_load(:active_record_postgresqladapter) { prepend RecentlyUsedConnection }
