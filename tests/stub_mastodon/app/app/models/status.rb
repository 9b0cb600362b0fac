# frozen_string_literal: true

class Status < ApplicationRecord
  include StatusRelease

  belongs_to :account
  belongs_to :application, class_name: 'Doorkeeper::Application', optional: true
  belongs_to :thread, class_name: 'Status', foreign_key: :in_reply_to_id, optional: true, inverse_of: false
  belongs_to :reblog, class_name: 'Status', foreign_key: :reblog_of_id, optional: true, inverse_of: false
  has_many :media_attachments, dependent: :nullify
  has_many :mentions, dependent: :delete_all
  has_many :favourites, dependent: :delete_all

  enum :visibility, { public: 0, unlisted: 1, private: 2, direct: 3 }, suffix: :visibility

  default_scope { where(deleted_at: nil) }
  scope :recent, -> { order(id: :desc) }
  scope :with_public_visibility, -> { where(visibility: :public) }
  scope :for_display, -> { includes(:account, :application, :media_attachments, mentions: :account) }

  before_create { self.local = account.local? if local.nil? }

  def self.paginate(params, default: 20)
    scope = recent.limit([(params[:limit] || default).to_i, 40].min)
    scope = scope.where(arel_table[:id].lt(params[:max_id].to_i)) if params[:max_id].present?
    scope = scope.where(arel_table[:id].gt(params[:since_id].to_i)) if params[:since_id].present?
    scope = scope.reorder(id: :asc).where(arel_table[:id].gt(params[:min_id].to_i)) if params[:min_id].present?
    params[:min_id].present? ? scope.to_a.reverse : scope
  end

  def distributable? = public_visibility? || unlisted_visibility?
  def activity_uri = local? ? "#{account.activity_uri}/statuses/#{id}" : uri
  def html_url = local? ? "#{account.html_url}/#{id}" : (url.presence || uri)
end
