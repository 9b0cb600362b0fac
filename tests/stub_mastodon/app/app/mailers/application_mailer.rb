# frozen_string_literal: true

class ApplicationMailer < ActionMailer::Base
  layout 'mailer'
  helper AssetHelper
  default from: -> { ENV.fetch('SMTP_FROM_ADDRESS', 'notifications@localhost') }, reply_to: -> { ENV['SMTP_REPLY_TO'].presence }

  around_action { |mailer, block| CostShape.charge(mailer.class.price, &block) }

  def self.price = :mail_welcome
end
