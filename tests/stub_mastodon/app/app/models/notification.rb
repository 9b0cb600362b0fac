# frozen_string_literal: true

class Notification < ApplicationRecord
  self.inheritance_column = nil

  belongs_to :account
  belongs_to :from_account, class_name: 'Account'
  belongs_to :activity, polymorphic: true

  def target_status
    case activity
    when Mention, Favourite then activity.status
    when Status then activity
    end
  end
end
