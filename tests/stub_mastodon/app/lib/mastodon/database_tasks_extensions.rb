# frozen_string_literal: true

require 'active_record/tasks/database_tasks'

module Mastodon
  module DatabaseTasksExtensions
    def load_schema(db_config, *)
      ActiveRecord::Base.establish_connection(db_config)
      Snowflake.define_function(ActiveRecord::Base.connection)
      super
      Snowflake.ensure_sequences(ActiveRecord::Base.connection)
    end
  end
end

ActiveRecord::Tasks::DatabaseTasks.singleton_class.prepend(Mastodon::DatabaseTasksExtensions)
