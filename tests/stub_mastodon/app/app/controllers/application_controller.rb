# frozen_string_literal: true

class ApplicationController < ActionController::Base
  skip_forgery_protection
  helper AssetHelper

  rescue_from ActiveRecord::RecordNotFound, ActionController::RoutingError, with: :page_not_found

  def raise_not_found
    raise ActionController::RoutingError, "No route matches #{params[:path]}"
  end

  private

  def page_not_found
    render 'home/not_found', layout: 'application', status: :not_found, formats: [:html]
  end

  def current_account = nil

  def charge(name, &)
    CostShape.charge(name, &)
  end
end
