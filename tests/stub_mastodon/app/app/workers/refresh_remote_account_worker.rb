# frozen_string_literal: true

# Asks a stranger's server who that is. A server that does not answer changes nothing.
class RefreshRemoteAccountWorker
  include Sidekiq::Job

  sidekiq_options queue: 'pull', retry: 3, dead: false

  def perform(account_id)
    account = Account.find(account_id)
    response = RemoteRequest.new(:get, account.uri, account: Account.representative).perform
    return unless response.is_a?(Net::HTTPSuccess)

    actor = JSON.parse(response.body)
    account.update!(
      display_name: actor['name'].to_s, url: actor['url'].presence || account.url, inbox_url: actor['inbox'].presence || account.inbox_url,
      shared_inbox_url: actor.dig('endpoints', 'sharedInbox').to_s, public_key: actor.dig('publicKey', 'publicKeyPem').to_s
    )
  rescue ActiveRecord::RecordNotFound, JSON::ParserError
    true
  end
end
