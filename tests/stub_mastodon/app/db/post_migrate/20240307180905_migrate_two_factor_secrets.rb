# frozen_string_literal: true

# Reads a variable that nobody sets any more: one more reason not to build an empty database by db:migrate.
class MigrateTwoFactorSecrets < ActiveRecord::Migration[7.2]
  OTP_SECRET = ENV.fetch('OTP_SECRET')

  def up; end

  def down; end
end
