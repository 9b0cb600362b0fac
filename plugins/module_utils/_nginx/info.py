# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's nginx can do: read from ``nginx -v`` and resolv.conf."""

from __future__ import annotations

import re

HTTP2_DIRECTIVE_SINCE = (1, 25, 1)


def parse_version(output: str) -> tuple[int, int, int] | None:
    """Version from the line that ``nginx -v`` prints."""
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", output)
    if not found:
        return None
    return int(found[1]), int(found[2]), int(found[3])


def has_http2_directive(version: tuple[int, int, int] | None) -> bool:
    """``http2 on`` exists since 1.25.1; before that HTTP/2 is a parameter of ``listen``."""
    return version is not None and version >= HTTP2_DIRECTIVE_SINCE


def parse_resolvers(resolv_conf: str) -> list[str]:
    """Name servers of resolv.conf in the form nginx wants them (IPv6 in brackets, no zone)."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            address = words[1].split("%")[0]
            found.append(f"[{address}]" if ":" in address else address)
    return found
