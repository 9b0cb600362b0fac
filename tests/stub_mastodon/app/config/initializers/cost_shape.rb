# frozen_string_literal: true

ActiveSupport::Notifications.subscribe('sql.active_record') do |*, payload|
  CostShape.count(:sql) unless payload[:cached] || payload[:name] == 'SCHEMA'
end
