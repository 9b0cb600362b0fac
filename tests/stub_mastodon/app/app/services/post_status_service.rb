# frozen_string_literal: true

class PostStatusService
  MAX_CHARACTERS = 500

  def call(account, options = {})
    @account = account
    @options = options
    @text = options[:text].to_s.strip

    existing = already_posted
    return existing if existing

    media = find_media
    raise Mastodon::ValidationError, "Validation failed: Text can't be blank" if @text.blank? && media.empty?
    raise Mastodon::ValidationError, "Validation failed: Text character limit of #{MAX_CHARACTERS} exceeded" if @text.length > MAX_CHARACTERS

    status = create(media)
    remember(status)
    DistributionWorker.perform_async(status.id)
    ActivityPub::DistributionWorker.perform_async(status.id)
    status
  end

  private

  def create(media)
    ApplicationRecord.transaction do
      status = @account.statuses.create!(
        text: @text, thread: @options[:thread], visibility: @options[:visibility].presence || 'public', application: @options[:application],
        sensitive: ActiveModel::Type::Boolean.new.cast(@options[:sensitive]) || false, spoiler_text: @options[:spoiler_text].to_s,
        language: @options[:language].presence
      )
      media.each { |attachment| attachment.update!(status: status) }
      mentioned.each { |account| status.mentions.create!(account: account) }
      Account.where(id: @account.id).update_all(['statuses_count = statuses_count + 1, last_status_at = ?', Time.now.utc])
      Status.where(id: status.in_reply_to_id).update_all('replies_count = replies_count + 1') if status.in_reply_to_id
      status
    end
  end

  def mentioned
    @text.scan(Account::MENTION_RE).filter_map { |username, domain| Account.find_acct([username, domain].compact.join('@')) }.uniq
  end

  def find_media
    ids = Array(@options[:media_ids]).compact_blank
    raise Mastodon::ValidationError, 'Cannot attach more than 4 files' if ids.size > 4

    found = ids.any? ? @account.media_attachments.unattached.where(id: ids).to_a : []
    raise Mastodon::ValidationError, 'Media not found' if found.size != ids.size

    found
  end

  def idempotency_key = "idempotency:status:#{@account.id}:#{@options[:idempotency]}"

  def already_posted
    return if @options[:idempotency].blank?

    id = RedisConnection.with { |redis| redis.get(idempotency_key) }
    @account.statuses.find_by(id: id) if id
  end

  def remember(status)
    return if @options[:idempotency].blank?

    RedisConnection.with { |redis| redis.setex(idempotency_key, 3600, status.id) }
  end
end
