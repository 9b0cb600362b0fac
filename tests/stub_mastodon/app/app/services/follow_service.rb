# frozen_string_literal: true

class FollowService
  def call(source, target)
    follow = source.follow!(target, uri: nil)
    if target.local?
      LocalNotificationWorker.perform_async(target.id, follow.id, 'Follow', 'follow')
    else
      activity = { '@context' => 'https://www.w3.org/ns/activitystreams', 'id' => "#{source.activity_uri}#follows/#{follow.id}", 'type' => 'Follow',
                   'actor' => source.activity_uri, 'object' => target.uri }
      ActivityPub::DeliveryWorker.perform_async(JSON.generate(activity), source.id, target.inbox_url)
    end
    follow
  end
end
