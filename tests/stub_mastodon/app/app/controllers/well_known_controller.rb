# frozen_string_literal: true

class WellKnownController < ApplicationController
  def webfinger
    resource = params[:resource].to_s
    account = resource.start_with?('acct:') ? Account.find_acct(resource.delete_prefix('acct:')) : Account.find_local(resource[%r{/(?:users/|@)([a-z0-9_]+)\z}i, 1])
    return head(resource.blank? ? :bad_request : :not_found) unless account&.local?

    render json: {
      subject: "acct:#{account.username}@#{Rails.configuration.x.local_domain}", aliases: [account.html_url, account.activity_uri],
      links: [{ rel: 'http://webfinger.net/rel/profile-page', type: 'text/html', href: account.html_url },
              { rel: 'self', type: 'application/activity+json', href: account.activity_uri }],
    }, content_type: 'application/jrd+json; charset=utf-8'
  end

  def host_meta
    render xml: %(<?xml version="1.0" encoding="UTF-8"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" template="#{base}/.well-known/webfinger?resource={uri}"/></XRD>)
  end

  def nodeinfo
    render json: { links: [{ rel: 'http://nodeinfo.diaspora.software/ns/schema/2.0', href: "#{base}/nodeinfo/2.0" }] }
  end

  def nodeinfo_schema
    render json: {
      version: '2.0', software: { name: 'mastodon', version: Mastodon::Version.to_api }, protocols: ['activitypub'], services: { inbound: [], outbound: [] },
      usage: { users: { total: User.count }, localPosts: Status.where(local: true).count }, openRegistrations: false, metadata: {},
    }
  end

  def oauth
    render json: {
      issuer: "#{base}/", authorization_endpoint: "#{base}/oauth/authorize", token_endpoint: "#{base}/oauth/token", revocation_endpoint: "#{base}/oauth/revoke",
      userinfo_endpoint: "#{base}/oauth/userinfo", scopes_supported: %w(read write follow push profile), response_types_supported: ['code'], response_modes_supported: %w(query),
      grant_types_supported: %w(authorization_code client_credentials password), token_endpoint_auth_methods_supported: %w(client_secret_basic client_secret_post),
      app_registration_endpoint: "#{base}/api/v1/apps", service_documentation: 'https://docs.joinmastodon.org/',
    }
  end

  private

  def base = "https://#{Rails.configuration.x.web_domain}"
end
