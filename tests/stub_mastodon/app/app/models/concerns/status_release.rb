# frozen_string_literal: true

# What differs from one release to the next, in one place: this release still writes a column that the
# next one drops after its deployment.
module StatusRelease
  extend ActiveSupport::Concern

  included do
    before_create { self.legacy_marker = Mastodon::Version.to_s }
  end
end
