# frozen_string_literal: true

module Api
  class AppsController < BaseController
    def create
      application = Doorkeeper::Application.create!(
        name: params[:client_name], redirect_uri: Array(params[:redirect_uris]).join("\n"), scopes: params[:scopes].presence || 'read', website: params[:website].presence
      )
      render json: Entities.application(application).merge(client_id: application.uid, client_secret: application.secret, client_secret_expires_at: 0)
    end

    def show
      return render(json: { error: 'The access token is invalid' }, status: :unauthorized) unless doorkeeper_token

      render json: Entities.application(doorkeeper_token.application)
    end
  end
end
