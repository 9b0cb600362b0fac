# frozen_string_literal: true

class AddPronounsToAccounts < ActiveRecord::Migration[7.2]
  def change
    add_column :accounts, :pronouns, :string
  end
end
