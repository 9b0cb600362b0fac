# frozen_string_literal: true

module ActivityPub
  # What arrives from other servers: follows and their end, posts and their end, likes, boosts.
  class ProcessActivityService
    def self.price(body, actor)
      activity = JSON.parse(body)
      case activity['type']
      when 'Like' then :ingress_like
      when 'Announce' then :ingress_announce
      when 'Delete' then :ingress_delete
      when 'Create' then Follow.exists?(target_account_id: actor.id) || addressed_to_us?(activity) ? :ingress_create : :ingress_ignored
      else :ingress_ignored
      end
    rescue JSON::ParserError
      :ingress_ignored
    end

    def self.addressed_to_us?(activity)
      note = activity['object']
      return false unless note.is_a?(Hash)

      prefix = "https://#{Rails.configuration.x.web_domain}/"
      [note['to'], note['cc'], note['inReplyTo']].flatten.compact.any? { |target| target.to_s.start_with?(prefix) }
    end

    def call(body, actor, relevant: true)
      @activity = JSON.parse(body)
      @actor = actor
      @relevant = relevant
      handler = { 'Create' => :create, 'Follow' => :follow, 'Undo' => :undo, 'Delete' => :delete, 'Like' => :like, 'Announce' => :announce }[@activity['type']]
      send(handler) if handler
    rescue JSON::ParserError
      nil
    end

    private

    def object = @activity['object']
    def object_uri = object.is_a?(Hash) ? object['id'] : object

    def local_account(uri)
      username = uri.to_s[%r{\Ahttps?://#{Regexp.escape(Rails.configuration.x.web_domain)}/users/([a-z0-9_]+)\z}i, 1]
      Account.find_local(username) if username
    end

    # Ours by its number, or one of another server; a post of ours has no address in the table.
    def known_status(uri)
      return if uri.blank?

      id = uri.to_s[%r{\Ahttps?://#{Regexp.escape(Rails.configuration.x.web_domain)}/users/[a-z0-9_]+/statuses/(\d+)\z}i, 1]
      id ? Status.find_by(id: id) : Status.find_by(uri: uri)
    end

    def create
      return unless @relevant && object.is_a?(Hash) && object['id'].present?
      return if Status.unscoped.exists?(uri: object['id'])

      addressed = [object['to'], object['cc']].flatten.compact
      status = @actor.statuses.create!(
        uri: object['id'], url: object['url'].presence || object['id'], local: false, visibility: visibility(object),
        text: ActionController::Base.helpers.sanitize(object['content'].to_s, tags: %w(p br a span), attributes: %w(href rel class)),
        thread: known_status(object['inReplyTo'])
      )
      addressed.filter_map { |uri| local_account(uri) }.uniq.each { |account| status.mentions.create!(account: account) }
      DistributionWorker.perform_async(status.id)
    end

    def visibility(note)
      everyone = ['https://www.w3.org/ns/activitystreams#Public', 'as:Public', 'Public']
      return :public if Array(note['to']).intersect?(everyone)
      return :unlisted if Array(note['cc']).intersect?(everyone)

      Array(note['to']).any? { |uri| uri.to_s.end_with?('/followers') } ? :private : :direct
    end

    def follow
      target = local_account(object_uri)
      return unless target

      follow = @actor.follow!(target, uri: @activity['id'])
      LocalNotificationWorker.perform_async(target.id, follow.id, 'Follow', 'follow')
      accept = { '@context' => 'https://www.w3.org/ns/activitystreams', 'id' => "#{target.activity_uri}#accepts/follows/#{follow.id}", 'type' => 'Accept',
                 'actor' => target.activity_uri, 'object' => @activity.except('@context', 'signature') }
      DeliveryWorker.perform_async(JSON.generate(accept), target.id, @actor.inbox_url)
    end

    def undo
      return unless object.is_a?(Hash) && object['type'] == 'Follow'

      target = local_account(object['object'].is_a?(Hash) ? object['object']['id'] : object['object'])
      @actor.unfollow!(target) if target
    end

    def delete
      status = @actor.statuses.find_by(uri: object_uri)
      RemoveStatusService.new.call(status) if status
    end

    def like
      status = known_status(object_uri)
      return unless status

      favourite = status.favourites.find_or_create_by!(account: @actor)
      return unless favourite.previously_new_record?

      Status.where(id: status.id).update_all('favourites_count = favourites_count + 1')
      LocalNotificationWorker.perform_async(status.account_id, favourite.id, 'Favourite', 'favourite') if status.local?
    end

    def announce
      status = known_status(object_uri)
      Status.where(id: status.id).update_all('reblogs_count = reblogs_count + 1') if status
    end
  end
end
