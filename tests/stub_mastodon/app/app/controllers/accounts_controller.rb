# frozen_string_literal: true

class AccountsController < ApplicationController
  def show
    charge(:profile) do
      @account = Account.find_acct(params[:username]) || raise(ActiveRecord::RecordNotFound)
      @statuses = @account.statuses.for_display.where(visibility: [:public, :unlisted]).recent.limit(20).to_a
      render
    end
  end

  def status
    @account = Account.find_acct(params[:username]) || raise(ActiveRecord::RecordNotFound)
    @statuses = [@account.statuses.for_display.where(visibility: [:public, :unlisted]).find(params[:id])]
    render :show
  end
end
