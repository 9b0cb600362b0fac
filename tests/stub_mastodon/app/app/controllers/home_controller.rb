# frozen_string_literal: true

class HomeController < ApplicationController
  def index
    charge(:front_page) do
      @statuses = Status.for_display.with_public_visibility.recent.limit(20).to_a
      @counts = Rails.cache.fetch('front_page_counts', expires_in: 1.minute) { { users: User.count, statuses: Status.where(local: true).count } }
      render
    end
  end

  def manifest
    render json: { name: Rails.configuration.x.web_domain, short_name: Rails.configuration.x.web_domain, start_url: '/', display: 'standalone' }
  end
end
