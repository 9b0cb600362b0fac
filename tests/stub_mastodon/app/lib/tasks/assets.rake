# frozen_string_literal: true

require 'digest'

# Builds what a browser, a page and a mail need: packs with digests in their names and the manifest that
# knows them, the error page, the service worker.
namespace :assets do
  desc 'Build the front end into public/packs and public/assets'
  task precompile: :environment do
    source = Rails.root.join('app/javascript')
    packs = Rails.public_path.join('packs')
    manifest = source.glob('{entrypoints,images}/**/*').select(&:file?).sort.to_h do |file|
      name = file.relative_path_from(source).to_s
      digest = Digest::SHA384.digest(file.binread)
      packed = name == 'entrypoints/sw.js' ? 'sw.js' : "assets/#{file.basename(file.extname)}-#{digest.unpack1('H*')[0, 8]}#{file.extname}"
      target = packs.join(packed)
      target.dirname.mkpath
      FileUtils.cp(file, target)
      [name, { file: packed, src: name, isEntry: name.start_with?('entrypoints/'), integrity: "sha384-#{[digest].pack('m0')}" }]
    end
    packs.join('.vite').mkpath
    packs.join('.vite/manifest.json').write(JSON.pretty_generate(manifest))
    Rails.public_path.join('assets').mkpath
    FileUtils.cp(source.join('500.html'), Rails.public_path.join('assets/500.html'))
    puts "#{manifest.size} files built into public/packs"
  end

  desc 'Remove what was built'
  task clobber: :environment do
    FileUtils.rm_rf([Rails.public_path.join('packs'), Rails.public_path.join('assets')])
  end
end
