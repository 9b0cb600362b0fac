# frozen_string_literal: true

module Api
  class InstancesController < BaseController
    def v1
      render json: {
        uri: domain, title: domain, short_description: '', description: '', email: contact&.email.to_s, version: Mastodon::Version.to_api,
        urls: { streaming_api: streaming }, stats: { user_count: User.count, status_count: Status.where(local: true).count, domain_count: Account.remote.distinct.count(:domain) },
        thumbnail: thumbnail, languages: ['en'], registrations: false, approval_required: false, invites_enabled: false,
        configuration: configuration, contact_account: contact && Entities.account(contact.account), rules: [],
      }
    end

    def v2
      render json: {
        domain: domain, title: domain, version: Mastodon::Version.to_api, source_url: 'https://github.com/mastodon/mastodon', description: '',
        usage: { users: { active_month: User.count } }, thumbnail: { url: thumbnail }, icon: [], languages: ['en'],
        configuration: { urls: { streaming: streaming, status: nil, about: "https://#{web}/about", privacy_policy: nil, terms_of_service: nil },
                         vapid: { public_key: ENV.fetch('VAPID_PUBLIC_KEY', nil) }, translation: { enabled: false } }.merge(configuration),
        registrations: { enabled: false, approval_required: false, message: nil, url: nil, sign_up_url: nil, min_age: nil, reason_required: nil },
        api_versions: { mastodon: 1 }, contact: { email: contact&.email.to_s, account: contact && Entities.account(contact.account) }, rules: [],
      }
    end

    def peers = render(json: Account.remote.distinct.pluck(:domain))
    def empty = render(json: [])

    private

    def domain = Rails.configuration.x.local_domain
    def web = Rails.configuration.x.web_domain
    def streaming = Rails.configuration.x.streaming_api_base_url
    def thumbnail = "https://#{web}#{AssetManifest.path('images/preview.svg')}"
    def contact = @contact ||= User.joins(:role).where(user_roles: { name: 'Owner' }).order(:id).first

    def configuration
      {
        statuses: { max_characters: PostStatusService::MAX_CHARACTERS, max_media_attachments: 4, characters_reserved_per_url: 23 },
        media_attachments: { supported_mime_types: MediaAttachment::TYPES.keys, image_size_limit: MediaAttachment::IMAGE_LIMIT, image_matrix_limit: 33_177_600,
                             video_size_limit: MediaAttachment::VIDEO_LIMIT, video_frame_rate_limit: 120, video_matrix_limit: 8_294_400, description_limit: 1500 },
        accounts: { max_featured_tags: 10, max_pinned_statuses: 5 },
        polls: { max_options: 4, max_characters_per_option: 50, min_expiration: 300, max_expiration: 2_629_746 },
      }
    end
  end
end
