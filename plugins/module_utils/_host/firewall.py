# GPL-3.0-or-later (see LICENSE)
"""The nftables table `inet mastodon`: its file, and whether the one in the kernel is the same.

It guards the ports of the cluster's services and nothing else. No rule of it speaks of other ports, and its policy is
to accept, so that SSH and the admin's own rules are as they were. Who is not among the clients hears a reset, as from a
port where nothing listens: a forgotten client fails at once, not after a timeout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._join import access_firewall
from .._join.access_firewall import DIRECTORY, FAMILY, TABLE

PATH = "/etc/mastodon/firewall.nft"
HEADER = "# Managed by fediverse.mastodon (cluster_firewall); local changes are overwritten."


@dataclass(frozen=True)
class Client:
    """A host that may reach some of the ports. address: one, without a prefix."""

    host: str
    address: str
    ports: tuple[int, ...]


def table(ports: Iterable[int], interface: str) -> str:
    """The table, with nobody let in yet. interface: the only one on which clients count; empty: any."""
    guarded = ", ".join(map(str, sorted(set(ports))))
    way = f'iifname "{interface}" ' if interface else ""
    return f"""{HEADER}
table {FAMILY} {TABLE}
delete table {FAMILY} {TABLE}
table {FAMILY} {TABLE} {{
    set guarded {{
        type inet_service
        elements = {{ {guarded} }}
    }}
    set clients4 {{
        type ipv4_addr . inet_service
    }}
    set clients6 {{
        type ipv6_addr . inet_service
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "lo" accept
        {way}ip saddr . tcp dport @clients4 accept
        {way}ip6 saddr . tcp dport @clients6 accept
        tcp dport @guarded reject with tcp reset
    }}
}}
"""


def main_file(ports: Iterable[int], interface: str) -> str:
    """What the unit loads: the table and, in the same transaction, everybody's own file."""
    return f'{table(ports, interface)}include "{DIRECTORY}/*.nft"\n'


def client_files(clients: Iterable[Client]) -> dict[str, str]:
    """{path: content}, as the module worker_access writes them too."""
    return {access_firewall.path(one.host): access_firewall.content(one.address, one.ports) for one in clients}


def is_ours(content: str) -> bool:
    """Whether we wrote a client's file: the admin may have put one of their own beside ours."""
    return content.startswith(access_firewall.HEADER)


def whole(ports: Iterable[int], interface: str, files: Mapping[str, str]) -> str:
    """The same without an include: what the kernel shall have. files: {path: content}, the admin's own among them."""
    return table(ports, interface) + "".join(files[path] for path in sorted(files))


def same(one: str, other: str) -> bool:
    """Whether two answers of `nft -j list table` mean the same: handles and the order in a set do not count."""
    return bool(_normal(one) == _normal(other))


def _normal(text: str) -> list[Any]:
    rows = json.loads(text)["nftables"] if text.strip() else []
    return [_plain(row) for row in rows if "metainfo" not in row]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        found = {key: _plain(item) for key, item in value.items() if key != "handle"}
        if isinstance(found.get("elem"), Sequence):
            found["elem"] = sorted(found["elem"], key=json.dumps)
        return found
    return [_plain(item) for item in value] if isinstance(value, list) else value
