# frozen_string_literal: true

# What assets:precompile has written. Pages, mails and the instance's description ask it for names, so
# without it they all fail.
module AssetManifest
  class MissingEntrypointError < StandardError; end

  class << self
    def path(name) = "/packs/#{entry(name).fetch('file')}"
    def integrity(name) = entry(name)['integrity']
    def read(name) = Rails.public_path.join('packs', entry(name).fetch('file')).read

    def entry(name)
      manifest.fetch(name) { raise MissingEntrypointError, "Can't find entry point '#{name}' in public/packs/.vite/manifest.json: were the assets built?" }
    end

    private

    def manifest
      @manifest ||= JSON.parse(Rails.public_path.join('packs/.vite/manifest.json').read)
    rescue Errno::ENOENT
      {}
    end
  end
end
