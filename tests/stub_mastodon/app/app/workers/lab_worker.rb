# frozen_string_literal: true

# A job that does what it is told, in any queue: burns CPU (cpu_ms), waits (wait_ms), hangs until it is
# killed (hang), fails (fail: a message or true), and leaves a row that names its host.
class LabWorker
  include Sidekiq::Job

  Failure = Class.new(StandardError)

  def perform(order = {})
    run = LabRun.create!(jid: jid, queue: order['queue'] || Thread.current[:lab_queue], note: order['note'], hostname: Socket.gethostname, pid: Process.pid, started_at: Time.now.utc)
    CostShape.burn(order['cpu_ms'].to_f) if order['cpu_ms']
    sleep(order['wait_ms'].to_f / 1000) if order['wait_ms']
    sleep if order['hang']
    raise Failure, order['fail'].to_s if order['fail']

    run.update!(finished_at: Time.now.utc)
  rescue Failure => e
    run.update!(finished_at: Time.now.utc, error: e.message)
    raise
  end
end
