# frozen_string_literal: true

# Takes what other servers send and leaves the work to the queue `ingress`. The sender is whoever the
# signature or, unsigned, the activity names: nothing is proven here.
class InboxesController < ApplicationController
  def create
    charge(:inbox) do
      body = request.raw_post.dup.force_encoding('UTF-8')
      uri = sender(body)
      next head(:unauthorized) if uri.blank?

      target = Account.find_local(params[:username]) if params[:username]
      ActivityPub::ProcessingWorker.perform_async(Account.from_uri(uri).id, body, target&.id, 'Account')
      head :accepted
    end
  rescue URI::InvalidURIError, ActiveRecord::RecordInvalid
    head :unauthorized
  end

  private

  def sender(body)
    key = request.headers['Signature'].to_s[/keyId="([^"#]+)/, 1]
    return key if key

    activity = JSON.parse(body)
    actor = activity['actor'] if activity.is_a?(Hash)
    uri = actor.is_a?(Hash) ? actor['id'] : actor
    uri if uri.to_s.start_with?('http://', 'https://')
  rescue JSON::ParserError
    nil
  end
end
