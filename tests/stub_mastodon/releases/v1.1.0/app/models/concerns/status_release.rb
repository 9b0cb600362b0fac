# frozen_string_literal: true

# What differs from one release to the next, in one place: this release no longer knows the column that
# its migration after deployment drops.
module StatusRelease
  extend ActiveSupport::Concern

  included do
    self.ignored_columns += ['legacy_marker']
  end
end
