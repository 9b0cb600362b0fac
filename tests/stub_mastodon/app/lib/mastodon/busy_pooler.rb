# frozen_string_literal: true

module Mastodon
  # On a site with traffic a transaction pooler hands our next statement to another session, and the lock of
  # a migration cannot be released there. A test has no traffic, so another client takes the session that we
  # used last while the lock is released. Nothing changes on a direct connection.
  module BusyPooler
    def release_advisory_lock(lock_id)
      other = PG.connect(**@connection_parameters)
      other.exec('BEGIN')
      # A pool of one session has no other to give, then this ends the wait.
      watchdog = Thread.new { sleep(3) && other.close }
      super
    ensure
      watchdog&.kill
      other&.close unless other&.finished?
    end
  end
end

ActiveSupport.on_load(:active_record_postgresqladapter) { prepend Mastodon::BusyPooler }
