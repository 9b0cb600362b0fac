# frozen_string_literal: true

class SchedulerHeartbeat < ApplicationRecord
end
