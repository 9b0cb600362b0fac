# frozen_string_literal: true

require 'securerandom'

module Mastodon
  # Ids of statuses, accounts and media carry their time: 48 bits of milliseconds, 16 bits that mix a
  # sequence with a salt made once per database. So the schema loads only through Rails.
  module Snowflake
    TABLES = %w(accounts statuses media_attachments).freeze

    module_function

    def define_function(connection)
      salt = SecureRandom.hex(8)
      connection.execute(<<~SQL)
        CREATE OR REPLACE FUNCTION timestamp_id(table_name text) RETURNS bigint AS $$
          DECLARE
            tail bigint;
          BEGIN
            tail := ('x' || substr(md5(table_name || '#{salt}' || nextval(table_name || '_id_seq')::text), 1, 4))::bit(16)::bigint;
            RETURN ((extract(epoch FROM clock_timestamp()) * 1000)::bigint << 16) | tail;
          END
        $$ LANGUAGE plpgsql VOLATILE;
      SQL
    end

    def ensure_sequences(connection)
      TABLES.each { |table| connection.execute("CREATE SEQUENCE IF NOT EXISTS #{table}_id_seq") }
    end
  end
end
