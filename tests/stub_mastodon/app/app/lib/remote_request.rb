# frozen_string_literal: true

require 'net/http'

# One request to another server: addresses that are not public are refused unless they are allowed by
# ALLOWED_PRIVATE_ADDRESSES, and nothing takes longer than ten seconds.
class RemoteRequest
  TIMEOUT = 10
  PRIVATE = %w(
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 64:ff9b::/96 100::/64 fc00::/7 fe80::/10 ff00::/8
  ).map { |network| IPAddr.new(network) }.freeze

  def initialize(verb, url, body: nil, account: nil)
    @uri = URI.parse(url)
    @body = body
    @account = account
    @request = (verb == :post ? Net::HTTP::Post : Net::HTTP::Get).new(@uri)
    @request['User-Agent'] = Mastodon::Version.user_agent
    @request['Accept'] = 'application/activity+json, application/ld+json'
    sign if account
  end

  def perform
    Timeout.timeout(TIMEOUT) do
      http = Net::HTTP.new(@uri.host, @uri.port)
      http.ipaddr = address
      http.use_ssl = @uri.scheme == 'https'
      http.max_retries = 0
      http.start { |connection| connection.request(@request) }
    end
  end

  private

  def address
    found = Addrinfo.getaddrinfo(@uri.host, nil, nil, :STREAM).map(&:ip_address)
    found.find { |ip| allowed?(IPAddr.new(ip)) } || raise(Mastodon::PrivateNetworkAddressError, "#{@uri.host} has only private addresses")
  end

  def allowed?(ip) = PRIVATE.none? { |network| network.include?(ip) } || self.class.exceptions.any? { |network| network.include?(ip) }

  def self.exceptions = @exceptions ||= ENV.fetch('ALLOWED_PRIVATE_ADDRESSES', '').split(/(?:\s*,\s*|\s+)/).map { |item| IPAddr.new(item) }

  def sign
    @request['Date'] = Time.now.utc.httpdate
    @request['Host'] = @uri.port == @uri.default_port ? @uri.host : "#{@uri.host}:#{@uri.port}"
    if @body
      @request.body = @body
      @request['Content-Type'] = 'application/activity+json'
      @request['Digest'] = "SHA-256=#{Digest::SHA256.base64digest(@body)}"
    end
    names = %w(date host digest).select { |name| @request[name] }
    signed = ["(request-target): #{@request.method.downcase} #{@uri.request_uri}", *names.map { |name| "#{name}: #{@request[name]}" }].join("\n")
    signature = Base64.strict_encode64(@account.keypair.sign(OpenSSL::Digest.new('SHA256'), signed))
    @request['Signature'] = %(keyId="#{@account.activity_uri}#main-key",algorithm="rsa-sha256",headers="(request-target) #{names.join(' ')}",signature="#{signature}")
  end
end
