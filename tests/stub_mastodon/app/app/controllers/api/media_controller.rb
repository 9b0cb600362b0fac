# frozen_string_literal: true

module Api
  class MediaController < BaseController
    before_action -> { require_user!('write') }

    def create
      charge(:picture) do
        raise Mastodon::ValidationError, "Validation failed: File can't be blank" unless params[:file].respond_to?(:read)

        render json: Entities.media_attachment(MediaAttachment.store!(current_account, params[:file], params[:description]))
      end
    end

    def show = render(json: Entities.media_attachment(media))

    def update
      media.update!(description: params[:description])
      render json: Entities.media_attachment(media)
    end

    private

    def media = @media ||= current_account.media_attachments.find(params[:id])
  end
end
