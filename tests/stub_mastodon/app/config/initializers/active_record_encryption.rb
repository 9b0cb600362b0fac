# frozen_string_literal: true

names = %w(
  ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY
  ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT
  ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY
)

names.each do |name|
  ENV[name] = SecureRandom.hex(16) if ENV['SECRET_KEY_BASE_DUMMY']

  if ENV[name].blank?
    abort <<~MESSAGE

      These variables must be set:

      #{names.map { |item| "- #{item}" }.join("\n")}

      Run `bin/rails db:encryption:init` to generate values, then assign them.
      Do not change them afterwards: data encrypted with them would be lost.
    MESSAGE
  end

  next unless ENV[name].end_with?('DO_NOT_USE_IN_PRODUCTION')

  abort <<~MESSAGE

    #{name} still has a value meant for development. Set one of your own before going on.
  MESSAGE
end

Rails.application.configure do
  config.active_record.encryption.primary_key = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY')
  config.active_record.encryption.deterministic_key = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY')
  config.active_record.encryption.key_derivation_salt = ENV.fetch('ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT')
  config.active_record.encryption.support_sha1_for_non_deterministic_encryption = false
end
