# frozen_string_literal: true

module Mastodon
  module Version
    module_function

    def major = 1
    def minor = 1
    def patch = 0

    # A Mastodon whose interface this one offers, as forks write it; clients read it from behind the plus sign.
    def build_metadata = '4.6.5'

    def to_s = [major, minor, patch].join('.')
    def to_api = "#{self}+#{build_metadata}"
    def user_agent = "Mastodon/#{self} (Rails #{Rails.version}; +https://#{Rails.configuration.x.web_domain}/)"
  end
end
