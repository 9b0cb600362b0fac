#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_info
short_description: Read what a host's nginx can do
version_added: 0.1.0
description:
  - Reads the version of nginx, whether the host has IPv6, and its name servers, for the templates of the role C(nginx).
options: {}
attributes:
  check_mode:
    description: Reads only, so it does the same in check mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Where it runs.
    support: full
    platforms: linux
author:
  - The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Read what nginx can do
  fediverse.mastodon.nginx_info:
  register: nginx
"""

RETURN = r"""
version:
  description: Version of the installed nginx, empty where there is none.
  returned: always
  type: str
  sample: 1.26.3
http2_directive:
  description: Whether HTTP/2 is a directive of its own (since 1.25.1) rather than a parameter of C(listen).
  returned: always
  type: bool
  sample: true
ipv6:
  description: Whether the kernel offers IPv6 sockets.
  returned: always
  type: bool
  sample: true
resolvers:
  description: Name servers of the host, as nginx writes them.
  returned: always
  type: list
  elements: str
  sample: [192.0.2.53, "[2001:db8::53]"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx.info import (
    has_http2_directive,
    parse_resolvers,
    parse_version,
)


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    binary = module.get_bin_path("nginx", opt_dirs=["/usr/sbin"])
    version = parse_version(module.run_command([binary, "-v"], check_rc=True)[2]) if binary else None
    resolv_conf = Path("/etc/resolv.conf")
    module.exit_json(
        changed=False,
        version=".".join(map(str, version)) if version else "",
        http2_directive=has_http2_directive(version),
        ipv6=Path("/proc/net/if_inet6").exists(),
        resolvers=parse_resolvers(resolv_conf.read_text()) if resolv_conf.exists() else [],
    )


if __name__ == "__main__":
    main()
