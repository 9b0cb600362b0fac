# frozen_string_literal: true

class LocalNotificationWorker
  include Sidekiq::Job

  def perform(receiver_account_id, activity_id = nil, activity_class_name = nil, type = nil, _options = {})
    CostShape.charge(:local_notification) do
      receiver = Account.find(receiver_account_id)
      activity = activity_class_name.constantize.find(activity_id)
      NotifyService.new.call(receiver, type || activity_class_name.underscore, activity)
    end
  rescue ActiveRecord::RecordNotFound
    true
  end
end
