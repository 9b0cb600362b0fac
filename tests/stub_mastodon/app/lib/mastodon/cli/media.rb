# frozen_string_literal: true

module Mastodon
  module CLI
    class Media < Base
      desc 'usage', 'Calculate disk space consumed'
      def usage
        total = MediaAttachment.sum(:file_file_size)
        say("Attachments: #{ActiveSupport::NumberHelper.number_to_human_size(total)} (#{MediaAttachment.count} files)")
      end

      option :days, type: :numeric, default: 7
      option :dry_run, type: :boolean
      desc 'remove', 'Remove media nobody attached to a post'
      def remove
        old = MediaAttachment.unattached.where(created_at: ...options[:days].days.ago).to_a
        old.each { |media| media.erase && media.destroy } unless options[:dry_run]
        say("Removed #{old.size} media attachments", :green)
      end
    end
  end
end
