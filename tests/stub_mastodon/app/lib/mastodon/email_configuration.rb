# frozen_string_literal: true

module Mastodon
  module EmailConfiguration
    module_function

    def smtp_settings
      auth = ENV.fetch('SMTP_AUTH_METHOD', 'plain')
      {
        address: ENV.fetch('SMTP_SERVER', 'localhost'),
        port: ENV.fetch('SMTP_PORT', 587).to_i,
        user_name: ENV['SMTP_LOGIN'].presence,
        password: ENV['SMTP_PASSWORD'].presence,
        domain: ENV['SMTP_DOMAIN'].presence || ENV['LOCAL_DOMAIN'],
        authentication: auth == 'none' ? nil : auth.to_sym,
        ca_file: ENV['SMTP_CA_FILE'].presence || '/etc/ssl/certs/ca-certificates.crt',
        openssl_verify_mode: ENV['SMTP_OPENSSL_VERIFY_MODE'].presence,
        tls: ENV['SMTP_TLS'] == 'true' || nil,
        ssl: ENV['SMTP_SSL'] == 'true' || nil,
        read_timeout: 20,
      }.merge(starttls).compact
    end

    def starttls
      case ENV.fetch('SMTP_ENABLE_STARTTLS', nil)
      when 'always' then { enable_starttls: true }
      when 'never' then { enable_starttls: false, enable_starttls_auto: false }
      when 'auto' then { enable_starttls_auto: true }
      else
        return {} if ENV['SMTP_TLS'] == 'true' || ENV['SMTP_SSL'] == 'true'

        { enable_starttls_auto: ENV['SMTP_ENABLE_STARTTLS_AUTO'] != 'false' }
      end
    end
  end
end
