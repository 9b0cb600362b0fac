# frozen_string_literal: true

# What differs from one release to the next, in one place: this release reads a column that its
# migration before deployment adds.
module AccountRelease
  def release_fields = { pronouns: pronouns }
end
