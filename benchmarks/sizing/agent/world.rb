# frozen_string_literal: true

# What the jobs speak of: an author with a post, 200 local readers, somebody elsewhere. Prints their ids as JSON.
pair = OpenSSL::PKey::RSA.new(2048)
keys = { private_key: pair.to_pem, public_key: pair.public_key.to_pem }
local = ->(name) { Account.find_local(name) || Account.create!(username: name, **keys) }

author = local.call('bench')
readers = (1..200).map { |number| local.call("bench#{number}").id }
uri = 'https://remote.example/users/stranger'
stranger = Account.find_by(uri: uri) || Account.create!(username: 'stranger', domain: 'remote.example', uri: uri, url: uri, inbox_url: "#{uri}/inbox")
status = author.statuses.first || author.statuses.create!(text: 'A post for everybody', visibility: :public)

puts JSON.generate(author: author.id, readers: readers, stranger: stranger.id, status: status.id)
