# frozen_string_literal: true

# What came before the first release; a new database gets it from db/schema.rb.
class CreateBaseTables < ActiveRecord::Migration[7.2]
  def up
    raise ActiveRecord::IrreversibleMigration, 'An empty database is made by db:prepare, not by db:migrate'
  end

  def down
    raise ActiveRecord::IrreversibleMigration
  end
end
