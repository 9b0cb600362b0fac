# frozen_string_literal: true

class ActorsController < ApplicationController
  TYPE = 'application/activity+json; charset=utf-8'

  def instance_actor = activity(ActivityPub::RenderService.actor(Account.representative))

  def show
    charge(:actor) do
      next redirect_to(account.html_url, allow_other_host: true) if request.format.html?

      activity(ActivityPub::RenderService.actor(account))
    end
  end

  def status
    status = account.statuses.for_display.where(visibility: [:public, :unlisted]).find(params[:id])
    activity(ActivityPub::RenderService.note(status).merge('@context' => ActivityPub::RenderService::CONTEXT))
  end

  def outbox = collection('outbox', account.statuses_count)
  def followers = collection('followers', account.followers_count)
  def following = collection('following', account.following_count)

  private

  def account = @account ||= Account.find_local!(params[:username])

  def collection(name, total)
    activity('@context' => ActivityPub::RenderService::CONTEXT, 'id' => "#{account.activity_uri}/#{name}", 'type' => 'OrderedCollection', 'totalItems' => total)
  end

  def activity(hash)
    render json: hash, content_type: TYPE
  end
end
