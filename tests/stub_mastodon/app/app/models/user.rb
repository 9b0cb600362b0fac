# frozen_string_literal: true

require 'resolv'

class User < ApplicationRecord
  ITERATIONS = 20_000

  belongs_to :account
  belongs_to :role, class_name: 'UserRole', optional: true
  has_many :access_tokens, class_name: 'Doorkeeper::AccessToken', foreign_key: :resource_owner_id, dependent: :delete_all, inverse_of: :resource_owner

  accepts_nested_attributes_for :account
  encrypts :otp_secret
  attr_reader :password
  attr_accessor :bypass_registration_checks, :agreement

  normalizes :email, with: ->(email) { email.strip.downcase }
  validates :email, presence: true, format: { with: /\A[^@\s]+@[^@\s]+\z/ }, uniqueness: { message: :taken }
  validate :email_domain_reachable, on: :create
  before_create { self.otp_secret ||= SecureRandom.alphanumeric(32) }

  scope :confirmed, -> { where.not(confirmed_at: nil) }

  def self.authenticate(email, password)
    user = find_by(email: email.to_s.strip.downcase)
    user if user&.valid_password?(password)
  end

  def password=(value)
    @password = value
    salt = SecureRandom.hex(16)
    self.encrypted_password = "#{salt}$#{digest(value, salt)}"
  end

  def valid_password?(value)
    salt, stored = encrypted_password.split('$', 2)
    stored.present? && ActiveSupport::SecurityUtils.secure_compare(stored, digest(value.to_s, salt))
  end

  def confirmed? = confirmed_at.present?
  def confirm = update!(confirmed_at: Time.now.utc)
  def approve! = update!(approved: true)
  def functional? = confirmed? && approved? && !disabled?
  def active_for_authentication? = !disabled?

  def send_reset_password_instructions
    token = SecureRandom.hex(20)
    update!(reset_password_token: Digest::SHA256.hexdigest(token), reset_password_sent_at: Time.now.utc)
    UserMailer.reset_password_instructions(self, token).deliver_later
    token
  end

  private

  def digest(value, salt) = OpenSSL::PKCS5.pbkdf2_hmac(value, salt, ITERATIONS, 32, 'SHA256').unpack1('H*')

  # Mail exchangers, then addresses; only DNS is asked, /etc/hosts does not count.
  def email_domain_reachable
    domain = email.to_s.split('@', 2).last
    return if domain.blank?
    return if allowed_domains.include?(domain)

    errors.add(:email, :unreachable, message: 'does not seem to exist') unless resolvable?(domain)
  end

  def allowed_domains = ENV.fetch('EMAIL_DOMAIN_ALLOWLIST', '').split('|')

  def resolvable?(domain)
    Resolv::DNS.open do |dns|
      dns.timeouts = 5
      hosts = dns.getresources(domain, Resolv::DNS::Resource::IN::MX).map { |record| record.exchange.to_s }
      hosts = [domain] if hosts.empty?
      hosts.compact_blank.any? do |host|
        dns.getresources(host, Resolv::DNS::Resource::IN::A).any? || dns.getresources(host, Resolv::DNS::Resource::IN::AAAA).any?
      end
    end
  rescue Resolv::ResolvError, Resolv::ResolvTimeout, SystemCallError
    false
  end
end
