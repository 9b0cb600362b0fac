# frozen_string_literal: true

Rails.application.routes.draw do
  get 'health', to: 'health#show'

  root 'home#index'
  get '.well-known/webfinger', to: 'well_known#webfinger'
  get '.well-known/host-meta', to: 'well_known#host_meta'
  get '.well-known/nodeinfo', to: 'well_known#nodeinfo'
  get '.well-known/oauth-authorization-server', to: 'well_known#oauth'
  get 'nodeinfo/2.0', to: 'well_known#nodeinfo_schema'
  get 'manifest', to: 'home#manifest'

  get 'oauth/authorize', to: 'oauth#new'
  post 'oauth/authorize', to: 'oauth#create'
  get 'oauth/authorize/native', to: 'oauth#native'
  post 'oauth/token', to: 'oauth#token'
  post 'oauth/revoke', to: 'oauth#revoke'
  get 'oauth/userinfo', to: 'oauth#userinfo'
  post 'auth/password', to: 'oauth#password'

  post 'inbox', to: 'inboxes#create'
  get 'actor', to: 'actors#instance_actor'
  post 'actor/inbox', to: 'inboxes#create'
  get 'users/:username', to: 'actors#show'
  post 'users/:username/inbox', to: 'inboxes#create'
  get 'users/:username/outbox', to: 'actors#outbox'
  get 'users/:username/followers', to: 'actors#followers'
  get 'users/:username/following', to: 'actors#following'
  get 'users/:username/statuses/:id', to: 'actors#status'
  get '@:username', to: 'accounts#show', as: :short_account, constraints: { username: /[^\/]+/ }, format: false
  get '@:username/:id', to: 'accounts#status', constraints: { username: /[^\/]+/, id: /\d+/ }

  scope 'api', module: 'api', format: false do
    get 'v1/instance', to: 'instances#v1'
    get 'v2/instance', to: 'instances#v2'
    get 'v1/instance/peers', to: 'instances#peers'
    get 'v1/instance/rules', to: 'instances#empty'
    get 'v1/custom_emojis', to: 'instances#empty'
    get 'v1/announcements', to: 'instances#empty'

    post 'v1/apps', to: 'apps#create'
    get 'v1/apps/verify_credentials', to: 'apps#show'

    get 'v1/accounts/verify_credentials', to: 'accounts#verify_credentials'
    get 'v1/accounts/lookup', to: 'accounts#lookup'
    get 'v1/accounts/search', to: 'accounts#search'
    get 'v1/accounts/relationships', to: 'accounts#relationships'
    get 'v1/accounts/:id', to: 'accounts#show'
    get 'v1/accounts/:id/statuses', to: 'accounts#statuses'
    get 'v1/accounts/:id/followers', to: 'accounts#followers'
    get 'v1/accounts/:id/following', to: 'accounts#following'
    post 'v1/accounts/:id/follow', to: 'accounts#follow'
    post 'v1/accounts/:id/unfollow', to: 'accounts#unfollow'

    post 'v1/statuses', to: 'statuses#create'
    get 'v1/statuses/:id', to: 'statuses#show'
    get 'v1/statuses/:id/context', to: 'statuses#context'
    delete 'v1/statuses/:id', to: 'statuses#destroy'
    post 'v1/statuses/:id/favourite', to: 'statuses#favourite'

    get 'v1/timelines/home', to: 'timelines#home'
    get 'v1/timelines/public', to: 'timelines#public'
    get 'v1/notifications', to: 'notifications#index'

    post 'v1/media', to: 'media#create'
    post 'v2/media', to: 'media#create'
    get 'v1/media/:id', to: 'media#show'
    put 'v1/media/:id', to: 'media#update'
    get 'v1/preferences', to: 'accounts#preferences'

    match '*path', to: 'base#not_found', via: :all
  end

  match '*path', to: 'application#raise_not_found', via: :all, format: false
end
