# frozen_string_literal: true

class ClientAddress
  def initialize(app) = @app = app

  def call(env)
    env['action_dispatch.remote_ip'].to_s
    @app.call(env)
  end
end
