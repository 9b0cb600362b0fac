# frozen_string_literal: true

module AssetHelper
  def packed_stylesheet(name)
    tag.link(rel: 'stylesheet', href: AssetManifest.path(name), integrity: AssetManifest.integrity(name), crossorigin: 'anonymous')
  end
end
