# frozen_string_literal: true

module Api
  class AccountsController < BaseController
    before_action -> { require_user!('read', 'profile') }, only: [:verify_credentials, :relationships, :preferences]
    before_action -> { require_user!('follow', 'write') }, only: [:follow, :unfollow]

    def verify_credentials = charge(:account) { render json: Entities.credentials(current_user) }

    def lookup
      charge(:account) do
        account = Account.find_acct(params[:acct]) || raise(ActiveRecord::RecordNotFound)
        render json: Entities.account(account)
      end
    end

    def search
      found = Account.without_instance_actor.where('username ILIKE ?', "#{Account.sanitize_sql_like(params[:q].to_s.delete_prefix('@').split('@').first.to_s)}%").limit(40)
      render json: found.map { |account| Entities.account(account) }
    end

    def show = render(json: Entities.account(account))

    def statuses
      statuses = account.statuses.for_display.where(visibility: [:public, :unlisted]).paginate(params)
      link_to_pages(statuses)
      render json: statuses.map { |status| Entities.status(status, current_account) }
    end

    def followers = render(json: account.followers.limit(80).map { |follower| Entities.account(follower) })
    def following = render(json: account.following.limit(80).map { |followed| Entities.account(followed) })

    def follow
      FollowService.new.call(current_account, account)
      render json: Entities.relationship(current_account, account)
    end

    def unfollow
      current_account.unfollow!(account)
      render json: Entities.relationship(current_account, account)
    end

    def relationships
      ids = Array(params[:id])
      render json: Account.where(id: ids).map { |other| Entities.relationship(current_account, other) }
    end

    def preferences
      render json: { 'posting:default:visibility' => 'public', 'posting:default:sensitive' => false, 'posting:default:language' => nil,
                     'reading:expand:media' => 'default', 'reading:expand:spoilers' => false }
    end

    private

    def account = @account ||= Account.find(params[:id])
  end
end
