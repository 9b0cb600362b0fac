# frozen_string_literal: true

Doorkeeper::Application.create_with(name: 'Web', redirect_uri: 'urn:ietf:wg:oauth:2.0:oob', scopes: 'read write follow push').find_or_create_by!(superapp: true)

{ 'Moderator' => 10, 'Admin' => 100, 'Owner' => 1000 }.each do |name, position|
  UserRole.create_with(position: position).find_or_create_by!(name: name)
end

Account.representative
