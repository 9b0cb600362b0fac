# frozen_string_literal: true

module Mastodon
  module CLI
    class Accounts < Base
      option :email, required: true
      option :confirmed, type: :boolean
      option :role
      option :reattach, type: :boolean
      option :force, type: :boolean
      option :approve, type: :boolean
      desc 'create USERNAME', 'Create a new user account'
      def create(username)
        role = find_role
        Rails.logger.info("Creating account #{username}")
        account = Account.new(username: username)
        password = SecureRandom.hex
        user = User.new(email: options[:email], password: password, agreement: true, role: role, confirmed_at: options[:confirmed] ? Time.now.utc : nil, approved: options[:approve] || false)
        account = reattached(username) || account if options[:reattach]
        return say('The chosen username is currently in use') if account == :in_use

        user.account = account
        report_errors(account.errors) unless account.valid?
        report_errors(user.errors) unless user.valid?
        user.save!
        UserMailer.confirmation_instructions(user, SecureRandom.hex(10)).deliver_later unless options[:confirmed]
        Rails.logger.info("Created user #{user.id}")
        say('OK', :green)
        say("New password: #{password}")
      end

      option :role
      option :remove_role, type: :boolean
      option :email
      option :confirm, type: :boolean
      option :enable, type: :boolean
      option :disable, type: :boolean
      option :approve, type: :boolean
      option :reset_password, type: :boolean
      desc 'modify USERNAME', 'Modify a user account'
      def modify(username)
        user = Account.find_local(username)&.user
        fail_with_message('No user with such username') unless user

        password = SecureRandom.hex if options[:reset_password]
        user.role = find_role if options[:role]
        user.role = nil if options[:remove_role]
        user.email = options[:email] if options[:email]
        user.password = password if password
        user.disabled = true if options[:disable]
        user.disabled = false if options[:enable]
        user.approved = true if options[:approve]
        user.confirmed_at = Time.now.utc if options[:confirm]
        report_errors(user.errors) unless user.save

        say('OK', :green)
        say("New password: #{password}") if password
      end

      option :force, type: :boolean
      desc 'follow USERNAME', 'Make all local accounts follow account specified by USERNAME'
      def follow(username)
        target = Account.find_local(username)
        fail_with_message('No such account') unless target
        followers = Account.local.without_instance_actor.where.not(id: target.id).to_a
        followers.each { |account| account.follow!(target) }
        say("OK, followed target from #{followers.size} accounts", :green)
      end

      desc 'delete USERNAME', 'Delete a user'
      def delete(username)
        account = Account.find_local(username)
        fail_with_message('No user with such username') unless account
        account.destroy!
        say('OK', :green)
      end

      private

      def find_role
        return if options[:role].blank?

        UserRole.find_by(name: options[:role]) || fail_with_message('Cannot find user role with that name')
      end

      def reattached(username)
        account = Account.find_local(username)
        return if account.nil?
        return :in_use if account.user.present? && !options[:force]

        account.user&.destroy!
        account
      end
    end
  end
end
