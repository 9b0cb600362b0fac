# frozen_string_literal: true

ActiveRecord::Schema[7.2].define(version: 2025_03_02_000000) do
  create_table 'accounts', id: :bigint, default: -> { "timestamp_id('accounts'::text)" }, force: :cascade do |t|
    t.string 'username', null: false, default: ''
    t.string 'domain'
    t.string 'display_name', null: false, default: ''
    t.string 'pronouns'
    t.text 'note', null: false, default: ''
    t.text 'private_key'
    t.text 'public_key', null: false, default: ''
    t.string 'actor_type', null: false, default: 'Person'
    t.string 'uri', null: false, default: ''
    t.string 'url'
    t.string 'inbox_url', null: false, default: ''
    t.string 'shared_inbox_url', null: false, default: ''
    t.boolean 'locked', null: false, default: false
    t.integer 'statuses_count', null: false, default: 0
    t.integer 'following_count', null: false, default: 0
    t.integer 'followers_count', null: false, default: 0
    t.datetime 'last_status_at'
    t.timestamps
    t.index "lower((username)::text), COALESCE(lower((domain)::text), ''::text)", name: 'index_accounts_on_username_and_domain_lower', unique: true
    t.index ['uri'], name: 'index_accounts_on_uri'
    t.index ['domain', 'id'], name: 'index_accounts_on_domain_and_id'
  end

  create_table 'user_roles', force: :cascade do |t|
    t.string 'name', null: false, default: ''
    t.integer 'position', null: false, default: 0
    t.bigint 'permissions', null: false, default: 0
    t.timestamps
  end

  create_table 'users', force: :cascade do |t|
    t.string 'email', null: false, default: ''
    t.bigint 'account_id', null: false
    t.string 'encrypted_password', null: false, default: ''
    t.string 'otp_secret'
    t.datetime 'confirmed_at'
    t.boolean 'approved', null: false, default: true
    t.boolean 'disabled', null: false, default: false
    t.bigint 'role_id'
    t.string 'locale'
    t.string 'reset_password_token'
    t.datetime 'reset_password_sent_at'
    t.datetime 'current_sign_in_at'
    t.integer 'sign_in_count', null: false, default: 0
    t.bigint 'created_by_application_id'
    t.timestamps
    t.index ['email'], name: 'index_users_on_email', unique: true
    t.index ['account_id'], name: 'index_users_on_account_id'
    t.index ['reset_password_token'], name: 'index_users_on_reset_password_token', unique: true
  end

  create_table 'statuses', id: :bigint, default: -> { "timestamp_id('statuses'::text)" }, force: :cascade do |t|
    t.bigint 'account_id', null: false
    t.string 'uri'
    t.string 'url'
    t.text 'text', null: false, default: ''
    t.text 'spoiler_text', null: false, default: ''
    t.bigint 'in_reply_to_id'
    t.bigint 'reblog_of_id'
    t.boolean 'sensitive', null: false, default: false
    t.integer 'visibility', null: false, default: 0
    t.boolean 'local'
    t.string 'language'
    t.bigint 'application_id'
    t.integer 'favourites_count', null: false, default: 0
    t.integer 'reblogs_count', null: false, default: 0
    t.integer 'replies_count', null: false, default: 0
    t.datetime 'deleted_at'
    t.timestamps
    t.index ['uri'], name: 'index_statuses_on_uri', unique: true, where: '(uri IS NOT NULL)'
    t.index ['account_id', 'id'], name: 'index_statuses_on_account_id_and_id'
    t.index ['visibility', 'id'], name: 'index_statuses_on_visibility_and_id'
  end

  create_table 'media_attachments', id: :bigint, default: -> { "timestamp_id('media_attachments'::text)" }, force: :cascade do |t|
    t.bigint 'status_id'
    t.bigint 'account_id'
    t.string 'file_file_name'
    t.string 'file_content_type'
    t.integer 'file_file_size'
    t.integer 'type', null: false, default: 0
    t.text 'description'
    t.timestamps
    t.index ['status_id'], name: 'index_media_attachments_on_status_id'
  end

  create_table 'follows', force: :cascade do |t|
    t.bigint 'account_id', null: false
    t.bigint 'target_account_id', null: false
    t.string 'uri'
    t.timestamps
    t.index ['account_id', 'target_account_id'], name: 'index_follows_on_account_id_and_target_account_id', unique: true
    t.index ['target_account_id'], name: 'index_follows_on_target_account_id'
  end

  create_table 'mentions', force: :cascade do |t|
    t.bigint 'account_id', null: false
    t.bigint 'status_id', null: false
    t.timestamps
    t.index ['account_id', 'status_id'], name: 'index_mentions_on_account_id_and_status_id', unique: true
    t.index ['status_id'], name: 'index_mentions_on_status_id'
  end

  create_table 'favourites', force: :cascade do |t|
    t.bigint 'account_id', null: false
    t.bigint 'status_id', null: false
    t.timestamps
    t.index ['account_id', 'status_id'], name: 'index_favourites_on_account_id_and_status_id', unique: true
  end

  create_table 'notifications', force: :cascade do |t|
    t.bigint 'account_id', null: false
    t.bigint 'from_account_id', null: false
    t.bigint 'activity_id', null: false
    t.string 'activity_type', null: false
    t.string 'type'
    t.timestamps
    t.index ['account_id', 'id'], name: 'index_notifications_on_account_id_and_id'
  end

  create_table 'oauth_applications', force: :cascade do |t|
    t.string 'name', null: false
    t.string 'uid', null: false
    t.string 'secret', null: false
    t.text 'redirect_uri', null: false
    t.string 'scopes', null: false, default: ''
    t.string 'website'
    t.boolean 'superapp', null: false, default: false
    t.boolean 'confidential', null: false, default: true
    t.bigint 'owner_id'
    t.string 'owner_type'
    t.timestamps
    t.index ['uid'], name: 'index_oauth_applications_on_uid', unique: true
  end

  create_table 'oauth_access_tokens', force: :cascade do |t|
    t.string 'token', null: false
    t.string 'refresh_token'
    t.integer 'expires_in'
    t.datetime 'revoked_at'
    t.datetime 'created_at', null: false
    t.string 'scopes'
    t.bigint 'application_id'
    t.bigint 'resource_owner_id'
    t.datetime 'last_used_at'
    t.index ['token'], name: 'index_oauth_access_tokens_on_token', unique: true
    t.index ['resource_owner_id'], name: 'index_oauth_access_tokens_on_resource_owner_id'
  end

  create_table 'oauth_access_grants', force: :cascade do |t|
    t.string 'token', null: false
    t.integer 'expires_in', null: false
    t.text 'redirect_uri', null: false
    t.datetime 'created_at', null: false
    t.datetime 'revoked_at'
    t.string 'scopes'
    t.bigint 'application_id', null: false
    t.bigint 'resource_owner_id', null: false
    t.index ['token'], name: 'index_oauth_access_grants_on_token', unique: true
  end

  create_table 'scheduler_heartbeats', force: :cascade do |t|
    t.string 'hostname', null: false
    t.integer 'pid', null: false
    t.string 'timer_hostname'
    t.integer 'timer_pid'
    t.datetime 'created_at', null: false
  end

  create_table 'lab_runs', force: :cascade do |t|
    t.string 'jid', null: false
    t.string 'queue'
    t.string 'note'
    t.string 'hostname', null: false
    t.integer 'pid', null: false
    t.datetime 'started_at', null: false
    t.datetime 'finished_at'
    t.string 'error'
    t.index ['note'], name: 'index_lab_runs_on_note'
    t.index ['jid'], name: 'index_lab_runs_on_jid'
  end
end
