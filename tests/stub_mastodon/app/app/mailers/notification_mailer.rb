# frozen_string_literal: true

class NotificationMailer < ApplicationMailer
  def self.price = :mail_mention

  def mention
    compose("You were mentioned by #{from.acct}", params[:notification].target_status.text)
  end

  def follow
    compose("#{from.acct} is now following you", from.html_url)
  end

  def favourite
    compose("#{from.acct} favorited your post", params[:notification].target_status.text)
  end

  private

  def from = params[:notification].from_account

  def compose(subject, line)
    recipient = params[:recipient]
    @name = recipient.possibly_name
    @line = line
    mail(to: recipient.user.email, subject: subject, template_path: 'mailers', template_name: 'message')
  end
end
