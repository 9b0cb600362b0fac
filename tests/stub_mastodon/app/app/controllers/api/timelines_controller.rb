# frozen_string_literal: true

module Api
  class TimelinesController < BaseController
    before_action -> { require_user!('read') }, only: :home

    def home
      charge(:home_timeline) do
        statuses = home_statuses.select { |status| status.deleted_at.nil? }
        link_to_pages(statuses)
        render json: statuses.map { |status| Entities.status(status, current_account) }
      end
    end

    def public
      charge(:public_timeline) do
        scope = Status.for_display.with_public_visibility.where(in_reply_to_id: nil)
        scope = scope.where(local: true) if truthy?(params[:local])
        scope = scope.where(local: false) if truthy?(params[:remote])
        statuses = scope.paginate(params)
        link_to_pages(statuses)
        render json: statuses.map { |status| Entities.status(status, current_account) }
      end
    end

    private

    def truthy?(value) = ActiveModel::Type::Boolean.new.cast(value)

    # A feed that is not in Redis is being built; until then the database answers.
    def home_statuses
      manager = FeedManager.instance
      unless manager.home?(current_account)
        RegenerationWorker.perform_async(current_account.id)
        return manager.home_query(current_account).for_display.paginate(params).to_a
      end
      ids = manager.home(current_account, [(params[:limit] || 20).to_i, 40].min, max_id: params[:max_id].presence, since_id: (params[:since_id] || params[:min_id]).presence)
      Status.for_display.where(id: ids).index_by(&:id).values_at(*ids).compact
    end
  end
end
