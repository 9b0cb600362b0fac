# frozen_string_literal: true

# Asks neither the database nor Redis.
class HealthController < ActionController::Base
  def show
    render plain: 'OK'
  end
end
