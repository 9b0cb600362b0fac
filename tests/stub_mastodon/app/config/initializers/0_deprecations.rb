# frozen_string_literal: true

if ENV.key?('REDIS_NAMESPACE')
  abort <<~MESSAGE
    ERROR: the REDIS_NAMESPACE environment variable is no longer supported.
    Migrate the keys out of the namespace, then remove the variable.
  MESSAGE
end
