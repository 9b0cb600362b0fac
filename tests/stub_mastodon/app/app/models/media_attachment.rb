# frozen_string_literal: true

class MediaAttachment < ApplicationRecord
  self.inheritance_column = nil

  IMAGE_LIMIT = 16.megabytes
  VIDEO_LIMIT = 99.megabytes
  TYPES = { 'image/jpeg' => '.jpg', 'image/png' => '.png', 'image/gif' => '.gif', 'image/webp' => '.webp', 'video/mp4' => '.mp4', 'video/webm' => '.webm' }.freeze

  belongs_to :account, optional: true
  belongs_to :status, optional: true

  enum :type, { image: 0, gifv: 1, video: 2, unknown: 3, audio: 4 }

  scope :unattached, -> { where(status_id: nil) }

  def self.store!(account, upload, description)
    body = upload.read
    content_type = Marcel::MimeType.for(body)
    extension = TYPES[content_type]
    raise Mastodon::ValidationError, 'Validation failed: File content type is invalid' unless extension

    kind = content_type.start_with?('video/') ? :video : :image
    raise Mastodon::ValidationError, 'Validation failed: File size is too big' if body.bytesize > (kind == :video ? VIDEO_LIMIT : IMAGE_LIMIT)

    record = create!(account: account, description: description, type: kind, file_content_type: content_type,
                     file_file_size: body.bytesize, file_file_name: "#{SecureRandom.hex(8)}#{extension}")
    record.styles.each { |style| MediaStorage.write(record.path(style), body, content_type) }
    record
  rescue StandardError
    record&.destroy
    raise
  end

  def styles = %w(original small)
  def path(style) = "media_attachments/files/#{format('%018d', id).scan(/\d{3}/).join('/')}/#{style}/#{file_file_name}"
  def file_url(style = 'original') = MediaStorage.url(path(style))
  def erase = styles.each { |style| MediaStorage.delete(path(style)) }
end
