# frozen_string_literal: true

unless ENV.key?('RAILS_ENV')
  abort <<~ERROR
    The RAILS_ENV environment variable is not set.

    Please set it correctly depending on context:

      - Use "production" for a live deployment of the application
  ERROR
end

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)

require 'bundler/setup'
