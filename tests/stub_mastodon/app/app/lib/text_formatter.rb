# frozen_string_literal: true

module TextFormatter
  module_function

  def html(status)
    return status.text unless status.local?

    linked = ERB::Util.html_escape(status.text).gsub(%r{https?://[^\s<]+[^\s<.,;:!?)]}) { |url| %(<a href="#{url}" rel="nofollow noopener" target="_blank">#{url}</a>) }
    linked.split(/\n{2,}/).map { |paragraph| "<p>#{paragraph.gsub("\n", '<br>')}</p>" }.join
  end
end
