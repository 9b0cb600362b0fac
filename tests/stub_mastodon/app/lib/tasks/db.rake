# frozen_string_literal: true

Rake::Task['db:migrate'].enhance(['db:migrate:check_server'])

namespace :db do
  namespace :migrate do
    task check_server: :environment do
      version = ActiveRecord::Base.connection.database_version
      abort "This version needs PostgreSQL 14.0 or newer, the server is #{version}" if version < 140_000
    end
  end
end
