# frozen_string_literal: true

module ActivityPub
  # The JSON that other servers read.
  module RenderService
    CONTEXT = ['https://www.w3.org/ns/activitystreams', 'https://w3id.org/security/v1'].freeze
    EVERYONE = 'https://www.w3.org/ns/activitystreams#Public'

    module_function

    def actor(account)
      uri = account.activity_uri
      {
        '@context' => CONTEXT, 'id' => uri, 'type' => account.actor_type, 'preferredUsername' => account.username, 'name' => account.possibly_name,
        'summary' => account.note, 'url' => account.html_url, 'inbox' => "#{uri}/inbox", 'outbox' => "#{uri}/outbox", 'followers' => "#{uri}/followers",
        'following' => "#{uri}/following", 'endpoints' => { 'sharedInbox' => "#{account.base_url}/inbox" },
        'publicKey' => { 'id' => "#{uri}#main-key", 'owner' => uri, 'publicKeyPem' => account.public_key }
      }
    end

    def note(status)
      audience = audience(status)
      {
        'id' => status.activity_uri, 'type' => 'Note', 'published' => status.created_at.iso8601, 'attributedTo' => status.account.activity_uri,
        'content' => TextFormatter.html(status), 'url' => status.html_url, 'to' => audience[0], 'cc' => audience[1], 'sensitive' => status.sensitive,
        'attachment' => status.media_attachments.map { |media| { 'type' => 'Document', 'mediaType' => media.file_content_type, 'url' => media.file_url, 'name' => media.description } }
      }
    end

    def create(status)
      note = note(status)
      { '@context' => CONTEXT, 'id' => "#{status.activity_uri}/activity", 'type' => 'Create', 'actor' => status.account.activity_uri,
        'published' => note['published'], 'to' => note['to'], 'cc' => note['cc'], 'object' => note }
    end

    def audience(status)
      followers = "#{status.account.activity_uri}/followers"
      mentioned = status.mentions.map { |mention| mention.account.activity_uri }
      case status.visibility
      when 'public' then [[EVERYONE], [followers, *mentioned]]
      when 'unlisted' then [[followers], [EVERYONE, *mentioned]]
      when 'private' then [[followers], mentioned]
      else [mentioned, []]
      end
    end
  end
end
