# frozen_string_literal: true

require 'action_dispatch/middleware/remote_ip'

module ActionDispatch
  # A request that names its client must come from a proxy we trust. Rails would quietly ignore the header.
  module RemoteIpExtensions
    def calculate_ip
      peer = ips_from(@req.remote_addr).last
      named = @req.client_ip || @req.x_forwarded_for
      if named && peer && filter_proxies([peer]).any?
        raise IpSpoofAttackError, "IP spoofing attack?! client #{peer} is not a trusted proxy " \
                                  "HTTP_CLIENT_IP=#{@req.client_ip.inspect} HTTP_X_FORWARDED_FOR=#{@req.x_forwarded_for.inspect}"
      end
      super
    end
  end
end

ActionDispatch::RemoteIp::GetIp.prepend(ActionDispatch::RemoteIpExtensions)
