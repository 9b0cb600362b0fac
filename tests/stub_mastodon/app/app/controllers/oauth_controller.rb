# frozen_string_literal: true

class OauthController < ApplicationController
  OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob'

  def new
    @application = application!
    render
  end

  def create
    @application = application!
    user = User.authenticate(params[:email] || params[:username], params[:password])
    return (@error = 'Invalid E-mail address or password.') && render(:new, status: :unprocessable_entity) unless user&.functional?

    redirect_uri = params[:redirect_uri].presence || OUT_OF_BAND
    return render(:new, status: :bad_request) unless @application.redirect_uri.split.include?(redirect_uri)

    grant = Doorkeeper::AccessGrant.create!(application: @application, resource_owner: user, expires_in: 600, redirect_uri: redirect_uri, scopes: params[:scope].presence || 'read')
    return redirect_to("/oauth/authorize/native?code=#{grant.token}") if redirect_uri == OUT_OF_BAND

    query = { code: grant.token, state: params[:state].presence }.compact.to_query
    redirect_to("#{redirect_uri}#{redirect_uri.include?('?') ? '&' : '?'}#{query}", allow_other_host: true)
  end

  def native
    @code = params[:code]
    render
  end

  def token
    application = authenticated_application
    return failure('invalid_client', :unauthorized) unless application

    case params[:grant_type]
    when 'password' then by_password(application)
    when 'authorization_code' then by_code(application)
    when 'client_credentials' then issue(application, nil, params[:scope].presence || 'read')
    else failure('unsupported_grant_type', :bad_request)
    end
  end

  def revoke
    application = authenticated_application
    return failure('unauthorized_client', :forbidden) unless application

    application.access_tokens.find_by(token: params[:token])&.revoke
    render json: {}
  end

  def userinfo
    token = Doorkeeper::AccessToken.by_token(request.authorization.to_s.delete_prefix('Bearer '))
    return head(:unauthorized) unless token&.resource_owner

    account = token.resource_owner.account
    render json: { iss: "https://#{Rails.configuration.x.web_domain}/", sub: account.activity_uri, name: account.possibly_name, preferred_username: account.username, profile: account.html_url }
  end

  # The form of somebody who forgot a password: a mail for a known address, the same answer for all.
  def password
    User.confirmed.find_by(email: (params.dig(:user, :email) || params[:email]).to_s.strip.downcase)&.send_reset_password_instructions
    redirect_to '/', status: :see_other
  end

  private

  def application! = Doorkeeper::Application.find_by!(uid: params[:client_id].to_s)

  def authenticated_application
    id, secret = ActionController::HttpAuthentication::Basic.has_basic_credentials?(request) ? ActionController::HttpAuthentication::Basic.user_name_and_password(request) : [params[:client_id], params[:client_secret]]
    application = Doorkeeper::Application.find_by(uid: id.to_s)
    application if application && ActiveSupport::SecurityUtils.secure_compare(application.secret, secret.to_s)
  end

  def by_password(application)
    user = User.authenticate(params[:username], params[:password])
    return failure('invalid_grant', :bad_request) unless user&.functional?

    issue(application, user, params[:scope].presence || 'read')
  end

  def by_code(application)
    grant = Doorkeeper::AccessGrant.find_by(token: params[:code].to_s, application: application)
    return failure('invalid_grant', :bad_request) unless grant&.acceptable? && grant.redirect_uri == params[:redirect_uri]

    grant.update!(revoked_at: Time.now.utc)
    issue(application, grant.resource_owner, grant.scopes)
  end

  def issue(application, user, scopes)
    token = Doorkeeper::AccessToken.create!(application: application, resource_owner: user, scopes: scopes)
    render json: { access_token: token.token, token_type: 'Bearer', scope: token.scopes, created_at: token.created_at.to_i }
  end

  def failure(error, status)
    render json: { error: error, error_description: error.humanize }, status: status
  end
end
