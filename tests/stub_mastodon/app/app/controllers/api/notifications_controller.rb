# frozen_string_literal: true

module Api
  class NotificationsController < BaseController
    before_action -> { require_user!('read') }

    def index
      charge(:notifications) do
        found = current_account.notifications.includes(:from_account).order(id: :desc).limit(40)
        render json: found.map { |notification| Entities.notification(notification) }
      end
    end
  end
end
