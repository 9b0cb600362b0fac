# frozen_string_literal: true

class NotifyService
  def call(recipient, type, activity)
    from = activity.is_a?(Mention) ? activity.status.account : activity.account
    return if from.id == recipient.id

    notification = recipient.notifications.find_or_create_by!(from_account: from, activity: activity, type: type)
    online = RedisConnection.with do |redis|
      redis.publish("timeline:#{recipient.id}:notifications", JSON.generate(event: :notification, payload: Entities.notification(notification)))
      redis.exists?("subscribed:timeline:#{recipient.id}")
    end
    return if online || !recipient.user&.functional?

    NotificationMailer.with(recipient: recipient, notification: notification).public_send(type).deliver_later if NotificationMailer.action_methods.include?(type)
  end
end
