# frozen_string_literal: true

# What differs from one release to the next, in one place.
module AccountRelease
  def release_fields = {}
end
