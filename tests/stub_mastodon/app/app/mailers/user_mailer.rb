# frozen_string_literal: true

class UserMailer < ApplicationMailer
  def welcome(user, *)
    compose(user, 'Welcome to Mastodon', "@#{user.account.username}@#{Rails.configuration.x.local_domain} is ready to use.")
  end

  def confirmation_instructions(user, token, *)
    compose(user, 'Mastodon: Confirmation instructions', "https://#{Rails.configuration.x.web_domain}/auth/confirmation?confirmation_token=#{token}")
  end

  def reset_password_instructions(user, token, *)
    compose(user, 'Mastodon: Reset password instructions', "https://#{Rails.configuration.x.web_domain}/auth/password/edit?reset_password_token=#{token}")
  end

  private

  def compose(user, subject, line)
    @name = user.account.possibly_name
    @line = line
    mail(to: user.email, subject: subject, template_path: 'mailers', template_name: 'message')
  end
end
