# frozen_string_literal: true

class Account < ApplicationRecord
  include AccountRelease

  INSTANCE_ACTOR_ID = -99
  MENTION_RE = /(?<![\w\/@])@(?<username>[a-z0-9_]+)(?:@(?<domain>[a-z0-9.:-]+[a-z0-9]))?/i

  has_one :user, dependent: :destroy
  has_many :statuses, dependent: :destroy
  has_many :media_attachments, dependent: :destroy
  has_many :notifications, dependent: :destroy
  has_many :active_relationships, class_name: 'Follow', dependent: :destroy, inverse_of: :account
  has_many :passive_relationships, class_name: 'Follow', foreign_key: :target_account_id, dependent: :destroy, inverse_of: :target_account
  has_many :following, through: :active_relationships, source: :target_account
  has_many :followers, through: :passive_relationships, source: :account

  validates :username, presence: true
  validates :username, format: { with: /\A[a-z0-9_]+\z/i }, length: { maximum: 30 }, if: -> { local? && id != INSTANCE_ACTOR_ID }
  validates :username, uniqueness: { scope: :domain, case_sensitive: false, message: :taken }

  scope :local, -> { where(domain: nil) }
  scope :remote, -> { where.not(domain: nil) }
  scope :without_instance_actor, -> { where.not(id: INSTANCE_ACTOR_ID) }

  before_create :generate_keys, if: :local?

  class << self
    def representative
      find_or_create_by!(id: INSTANCE_ACTOR_ID) do |account|
        account.username = 'mastodon.internal'
        account.actor_type = 'Application'
        account.locked = true
      end
    end

    def find_local(username) = find_remote(username, nil)
    def find_local!(username) = find_local(username) || raise(ActiveRecord::RecordNotFound)

    def find_remote(username, domain)
      return if username.blank?

      where('lower(username) = ?', username.to_s.downcase).find_by("coalesce(lower(domain), '') = ?", domain.to_s.downcase)
    end

    def find_acct(acct)
      username, domain = acct.to_s.delete_prefix('@').split('@', 2)
      domain = nil if [Rails.configuration.x.local_domain, Rails.configuration.x.web_domain].include?(domain)
      find_remote(username, domain)
    end

    # Known by its address; a stranger is remembered at once and looked up later, in the queue `pull`.
    def from_uri(uri)
      find_by(uri: uri) || begin
        parsed = URI.parse(uri)
        port = parsed.port == parsed.default_port ? '' : ":#{parsed.port}"
        account = create!(username: File.basename(parsed.path), domain: "#{parsed.host}#{port}", uri: uri, url: uri, inbox_url: "#{uri}/inbox")
        RefreshRemoteAccountWorker.perform_async(account.id)
        account
      end
    end
  end

  def local? = domain.nil?
  def acct = local? ? username : "#{username}@#{domain}"
  def possibly_name = display_name.presence || username
  def base_url = "https://#{Rails.configuration.x.web_domain}"
  def activity_uri = local? ? (id == INSTANCE_ACTOR_ID ? "#{base_url}/actor" : "#{base_url}/users/#{username}") : uri
  def html_url = local? ? "#{base_url}/@#{username}" : (url.presence || uri)
  def following?(other) = active_relationships.exists?(target_account_id: other.id)
  def keypair = OpenSSL::PKey::RSA.new(private_key)

  def follow!(other, uri: nil)
    follow = active_relationships.create_with(uri: uri).find_or_create_by!(target_account: other)
    return follow unless follow.previously_new_record?

    self.class.increment_counter(:following_count, id)
    self.class.increment_counter(:followers_count, other.id)
    follow
  end

  def unfollow!(other)
    follow = active_relationships.find_by(target_account: other)&.destroy
    return unless follow

    self.class.decrement_counter(:following_count, id)
    self.class.decrement_counter(:followers_count, other.id)
    follow
  end

  private

  def generate_keys
    return if private_key.present?

    pair = OpenSSL::PKey::RSA.new(2048)
    self.private_key = pair.to_pem
    self.public_key = pair.public_key.to_pem
  end
end
