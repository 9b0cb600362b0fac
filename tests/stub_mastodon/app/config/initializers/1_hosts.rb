# frozen_string_literal: true

port = ENV.fetch('PORT', 3000)
host = ENV.fetch('LOCAL_DOMAIN') { "localhost:#{port}" }
web_host = ENV.fetch('WEB_DOMAIN') { host }
alternate_domains = ENV.fetch('ALTERNATE_DOMAINS', '').split(/\s*,\s*/)

Rails.application.configure do
  config.x.local_domain = host
  config.x.web_domain = web_host
  config.x.alternate_domains = alternate_domains
  config.x.streaming_api_base_url = ENV.fetch('STREAMING_API_BASE_URL') { "wss://#{web_host}" }

  config.action_mailer.default_url_options = { host: web_host, protocol: 'https://', trailing_slash: false }
  Rails.application.routes.default_url_options = { host: web_host, protocol: 'https' }

  config.hosts << host
  config.hosts << web_host
  config.hosts.concat(alternate_domains)
  config.host_authorization = { exclude: ->(request) { request.path == '/health' } }
end
