# frozen_string_literal: true

module Api
  class StatusesController < BaseController
    before_action -> { require_user!('write') }, only: [:create, :destroy, :favourite]

    def create
      charge(:post_status) do
        thread = params[:in_reply_to_id].present? ? Status.find(params[:in_reply_to_id]) : nil
        status = PostStatusService.new.call(
          current_account, text: params[:status], thread: thread, media_ids: params[:media_ids], sensitive: params[:sensitive], spoiler_text: params[:spoiler_text],
                           visibility: params[:visibility], language: params[:language], application: doorkeeper_token.application, idempotency: request.headers['Idempotency-Key']
        )
        render json: Entities.status(status.reload, current_account)
      end
    end

    def show
      raise ActiveRecord::RecordNotFound unless visible?(status)

      render json: Entities.status(status, current_account)
    end

    def context
      replies = Status.for_display.where(in_reply_to_id: status.id, visibility: [:public, :unlisted]).limit(60)
      render json: { ancestors: [status.thread].compact.map { |parent| Entities.status(parent, current_account) }, descendants: replies.map { |reply| Entities.status(reply, current_account) } }
    end

    def destroy
      own = current_account.statuses.for_display.find(params[:id])
      entity = Entities.status(own, current_account).merge(text: own.text)
      RemoveStatusService.new.call(own)
      render json: entity
    end

    def favourite
      favourite = status.favourites.find_or_create_by!(account: current_account)
      if favourite.previously_new_record?
        Status.where(id: status.id).update_all('favourites_count = favourites_count + 1')
        LocalNotificationWorker.perform_async(status.account_id, favourite.id, 'Favourite', 'favourite') if status.local?
      end
      render json: Entities.status(status.reload, current_account).merge(favourited: true)
    end

    private

    def status = @status ||= Status.for_display.find(params[:id])
  end
end
