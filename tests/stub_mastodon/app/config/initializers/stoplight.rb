# frozen_string_literal: true

Rails.application.reloader.to_prepare do
  Stoplight.configure(trust_me_im_an_engineer: true) do |config|
    config.data_store = Stoplight::DataStore::Redis.new(RedisConnection.new.connection)
    config.notifiers = [Stoplight::Notifier::Logger.new(Rails.logger)]
  end

  Stoplight.register('storage:object', cool_off_time: 30, threshold: 10)
end
