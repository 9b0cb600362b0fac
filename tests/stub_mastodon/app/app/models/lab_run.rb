# frozen_string_literal: true

# One execution of a LabWorker. A row without an end belongs to an execution that was killed.
class LabRun < ApplicationRecord
end
