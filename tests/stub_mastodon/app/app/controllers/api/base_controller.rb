# frozen_string_literal: true

module Api
  class BaseController < ActionController::Base
    RATE_WINDOW = 300
    RATE_AUTHENTICATED = 1500
    RATE_ANONYMOUS = 300

    skip_forgery_protection
    before_action :limit_rate

    rescue_from(ActiveRecord::RecordNotFound) { render json: { error: 'Record not found' }, status: :not_found }
    rescue_from(ActiveRecord::RecordInvalid, Mastodon::ValidationError) { |e| render json: { error: e.message }, status: :unprocessable_entity }
    rescue_from(Mastodon::NotPermittedError) { render json: { error: 'This action is not allowed' }, status: :forbidden }
    rescue_from(Stoplight::Error::RedLight) { render json: { error: 'There was a temporary problem serving your request, please try again' }, status: :service_unavailable }

    def not_found
      render json: { error: 'Not found' }, status: :not_found
    end

    private

    def doorkeeper_token
      return @doorkeeper_token if defined?(@doorkeeper_token)

      value = request.authorization.to_s[/\ABearer (.+)\z/, 1] || params[:access_token] || params[:bearer_token]
      @doorkeeper_token = value.present? ? Doorkeeper::AccessToken.by_token(value) : nil
    end

    def current_user = @current_user ||= doorkeeper_token&.resource_owner
    def current_account = current_user&.account

    def require_user!(*scopes)
      return render(json: { error: 'The access token is invalid' }, status: :unauthorized) unless doorkeeper_token
      return render(json: { error: 'This method requires an authenticated user' }, status: :unprocessable_entity) unless current_user
      return render(json: { error: 'Your login is currently disabled' }, status: :forbidden) unless current_user.functional?

      render(json: { error: 'This action is outside the authorized scopes' }, status: :forbidden) if scopes.any? && !doorkeeper_token.scope?(*scopes)
    end

    # Counted in the cache: per user, or per address where nobody is logged in.
    def limit_rate
      limit = current_user ? RATE_AUTHENTICATED : RATE_ANONYMOUS
      window = Time.now.to_i / RATE_WINDOW
      used = Rails.cache.increment("throttle:#{window}:#{current_user ? "user:#{current_user.id}" : request.remote_ip}", 1, expires_in: RATE_WINDOW.seconds).to_i
      response.headers['X-RateLimit-Limit'] = limit.to_s
      response.headers['X-RateLimit-Remaining'] = [limit - used, 0].max.to_s
      response.headers['X-RateLimit-Reset'] = Time.at((window + 1) * RATE_WINDOW).utc.iso8601(6)
      render(json: { error: 'Too many requests' }, status: :too_many_requests) if used > limit
    end

    def link_to_pages(records)
      return if records.empty?

      url = "#{request.base_url}#{request.path}"
      rest = request.query_parameters.except('max_id', 'since_id', 'min_id')
      older = rest.merge(max_id: records.last.id).to_query
      newer = rest.merge(min_id: records.first.id).to_query
      response.headers['Link'] = %(<#{url}?#{older}>; rel="next", <#{url}?#{newer}>; rel="prev")
    end

    def visible?(status)
      status.distributable? || status.account_id == current_account&.id || status.mentions.exists?(account_id: current_account&.id) ||
        (status.private_visibility? && current_account&.following?(status.account))
    end

    def charge(name, &)
      CostShape.charge(name, &)
    end
  end
end
