# frozen_string_literal: true

module Mastodon
  module CLI
    class Base < Thor
      def self.exit_on_failure? = true

      private

      def fail_with_message(message)
        raise Thor::Error, set_color(message, :red)
      end

      def report_errors(errors)
        message = errors.map { |error| "Failure/Error: #{error.attribute}\n    #{error.type}" }.join("\n")
        fail_with_message(message)
      end
    end
  end
end
