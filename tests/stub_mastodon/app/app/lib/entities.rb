# frozen_string_literal: true

# The JSON of the client interface, as plain hashes.
module Entities
  module_function

  def account(account)
    {
      id: account.id.to_s, username: account.username, acct: account.acct, display_name: account.display_name, locked: account.locked,
      bot: account.actor_type != 'Person', discoverable: true, group: false, created_at: account.created_at.beginning_of_day.iso8601(3),
      note: account.note, url: account.html_url, uri: account.activity_uri, avatar: avatar, avatar_static: avatar, header: header, header_static: header,
      followers_count: account.followers_count, following_count: account.following_count, statuses_count: account.statuses_count,
      last_status_at: account.last_status_at&.to_date&.iso8601, emojis: [], fields: [], roles: [],
    }.merge(account.release_fields)
  end

  def credentials(user)
    account(user.account).merge(
      source: { privacy: 'public', sensitive: false, language: user.locale, note: user.account.note, fields: [], follow_requests_count: 0 },
      role: { id: (user.role_id || -99).to_s, name: user.role&.name.to_s, permissions: '0', color: '', highlighted: false }
    )
  end

  def status(status, viewer = nil)
    {
      id: status.id.to_s, created_at: status.created_at.iso8601(3), in_reply_to_id: status.in_reply_to_id&.to_s, in_reply_to_account_id: nil,
      sensitive: status.sensitive, spoiler_text: status.spoiler_text, visibility: status.visibility, language: status.language,
      uri: status.activity_uri, url: status.html_url, replies_count: status.replies_count, reblogs_count: status.reblogs_count,
      favourites_count: status.favourites_count, edited_at: nil, content: TextFormatter.html(status), reblog: nil,
      application: status.application && { name: status.application.name, website: status.application.website },
      account: account(status.account), media_attachments: status.media_attachments.map { |media| media_attachment(media) },
      mentions: status.mentions.map { |mention| mention_entity(mention) }, tags: [], emojis: [], card: nil, poll: nil,
    }.merge(viewer ? { favourited: false, reblogged: false, muted: false, bookmarked: false, pinned: false, filtered: [] } : {})
  end

  def media_attachment(media)
    {
      id: media.id.to_s, type: media.type, url: media.file_url, preview_url: media.file_url('small'), remote_url: nil, preview_remote_url: nil,
      text_url: nil, meta: {}, description: media.description, blurhash: nil,
    }
  end

  def notification(notification)
    status = notification.target_status
    {
      id: notification.id.to_s, type: notification.type, created_at: notification.created_at.iso8601(3), group_key: "ungrouped-#{notification.id}",
      account: account(notification.from_account), status: status && status(status),
    }.compact
  end

  def relationship(viewer, target)
    following = viewer.following?(target)
    {
      id: target.id.to_s, following: following, showing_reblogs: following, notifying: false, languages: nil, followed_by: target.following?(viewer),
      blocking: false, blocked_by: false, muting: false, muting_notifications: false, requested: false, requested_by: false,
      domain_blocking: false, endorsed: false, note: '',
    }
  end

  def application(app)
    { id: app.id.to_s, name: app.name, website: app.website, redirect_uri: app.redirect_uri, redirect_uris: app.redirect_uri.split("\n"),
      scopes: app.scopes.split, vapid_key: ENV.fetch('VAPID_PUBLIC_KEY', nil) }
  end

  def mention_entity(mention)
    { id: mention.account_id.to_s, username: mention.account.username, url: mention.account.html_url, acct: mention.account.acct }
  end

  # Files of public/ itself: the interface works without a built front end.
  def avatar = "https://#{Rails.configuration.x.web_domain}/avatars/original/missing.svg"
  def header = "https://#{Rails.configuration.x.web_domain}/headers/original/missing.svg"
end
