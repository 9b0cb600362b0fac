# frozen_string_literal: true

# Only after every process runs the new release: the old one still writes this column.
class RemoveLegacyMarkerFromStatuses < ActiveRecord::Migration[7.2]
  def up
    remove_column :statuses, :legacy_marker
  end

  def down
    add_column :statuses, :legacy_marker, :string
  end
end
