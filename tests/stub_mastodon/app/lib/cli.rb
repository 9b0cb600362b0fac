# frozen_string_literal: true

require 'thor'
require_relative '../config/environment'
require_relative 'mastodon/cli/base'
require_relative 'mastodon/cli/accounts'
require_relative 'mastodon/cli/feeds'
require_relative 'mastodon/cli/media'

module Mastodon
  module CLI
    class Main < Base
      desc 'accounts SUBCOMMAND ...ARGS', 'Manage accounts'
      subcommand 'accounts', Accounts

      desc 'feeds SUBCOMMAND ...ARGS', 'Manage feeds'
      subcommand 'feeds', Feeds

      desc 'media SUBCOMMAND ...ARGS', 'Manage media files'
      subcommand 'media', Media

      desc 'cache clear', 'Clear the cache'
      def cache(action)
        fail_with_message("Unknown action #{action}") unless action == 'clear'
        Rails.cache.clear
        say('OK', :green)
      end

      map %w(--version -v) => :version
      desc 'version', 'Show version'
      def version
        say(Mastodon::Version.to_s)
      end
    end
  end
end
