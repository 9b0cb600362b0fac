# frozen_string_literal: true

# Files in S3 by the S3_* variables, or under public/system. Reads its settings once.
module MediaStorage
  CACHE_CONTROL = 'public, max-age=315576000, immutable'

  class << self
    def s3? = ENV['S3_ENABLED'] == 'true'

    def write(path, body, content_type)
      return write_file(path, body) unless s3?

      options = { bucket: ENV.fetch('S3_BUCKET'), key: key(path), body: body, content_type: content_type, cache_control: CACHE_CONTROL }
      # Present and empty means: never touch access lists.
      permission = ENV.fetch('S3_PERMISSION', 'public-read')
      options[:acl] = permission if permission.present?
      options[:storage_class] = ENV['S3_STORAGE_CLASS'] if ENV['S3_STORAGE_CLASS'].present?
      breaker { client.put_object(**options) }
    end

    def delete(path)
      return FileUtils.rm_f(Rails.public_path.join('system', path)) unless s3?

      breaker { client.delete_object(bucket: ENV.fetch('S3_BUCKET'), key: key(path)) }
    end

    def url(path)
      return "https://#{Rails.configuration.x.web_domain}/system/#{path}" unless s3?

      protocol = ENV.fetch('S3_PROTOCOL', 'https')
      host = ENV['S3_ALIAS_HOST'].presence || ENV['S3_CLOUDFRONT_HOST'].presence
      return "#{protocol}://#{host}/#{key(path)}" if host

      "#{protocol}://#{ENV.fetch('S3_HOSTNAME', "s3-#{region}.amazonaws.com")}/#{ENV.fetch('S3_BUCKET')}/#{key(path)}"
    end

    private

    def key(path) = [ENV['S3_KEY_PREFIX'].presence, path].compact.join('/')
    def region = ENV['S3_REGION'].presence || 'us-east-1'

    def breaker(&)
      Stoplight.light('storage:object').run(&)
    end

    def write_file(path, body)
      target = Rails.public_path.join('system', path)
      FileUtils.mkdir_p(target.dirname)
      File.binwrite(target, body)
    end

    # Loaded with the first picture, not at boot: a worker that never stores one does not pay for it.
    def client
      @client ||= begin
        require 'aws-sdk-s3'
        Aws::S3::Client.new(**client_options)
      end
    end

    def client_options
      options = {
        region: region, access_key_id: ENV.fetch('AWS_ACCESS_KEY_ID'), secret_access_key: ENV.fetch('AWS_SECRET_ACCESS_KEY'),
        http_open_timeout: ENV.fetch('S3_OPEN_TIMEOUT', '5').to_i, http_read_timeout: ENV.fetch('S3_READ_TIMEOUT', '5').to_i,
        http_idle_timeout: 5, retry_limit: ENV.fetch('S3_RETRY_LIMIT', '0').to_i
      }
      return options if ENV['S3_ENDPOINT'].blank?

      options.merge(endpoint: ENV.fetch('S3_ENDPOINT'), force_path_style: ENV['S3_OVERRIDE_PATH_STYLE'] != 'true')
    end
  end
end
