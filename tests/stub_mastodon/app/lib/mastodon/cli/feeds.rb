# frozen_string_literal: true

module Mastodon
  module CLI
    class Feeds < Base
      option :all, type: :boolean
      option :concurrency, type: :numeric, default: 5, aliases: [:c]
      option :verbose, type: :boolean, aliases: [:v]
      option :dry_run, type: :boolean
      desc 'build [USERNAME]', 'Build home feeds for one or all users'
      def build(username = nil)
        accounts = username ? [Account.find_local(username) || fail_with_message('No such account')] : Account.local.joins(:user)
        accounts.each { |account| FeedManager.instance.populate_home(account) unless options[:dry_run] }
        say("Regenerated feeds for #{accounts.size} accounts", :green)
      end

      desc 'clear', 'Remove all home feeds from Redis'
      def clear
        RedisConnection.with { |redis| redis.keys('feed:*').each_slice(500) { |keys| redis.del(*keys) } }
        say('OK', :green)
      end
    end
  end
end
