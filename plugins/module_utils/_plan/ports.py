# GPL-3.0-or-later (see LICENSE)
"""A port is used once on a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .problems import Problems

HIGHEST = 65_535


def check(name: str, host: Mapping[str, Any], problems: Problems) -> None:
    """Findings for one host's share of the plan."""
    owners: dict[int, list[str]] = {}
    for port, owner, setting in _listeners(host):
        if port > HIGHEST:
            problems.add(
                name, setting, f"{owner} would listen on {port}", f"choose a port so that all end by {HIGHEST}"
            )
        known = owners.setdefault(port, [])
        if known:
            problems.add(
                name,
                setting,
                f"port {port} is wanted by {known[0]} and by {owner}",
                f"give {owner} another first port in mastodon_ports, or have fewer processes",
            )
        known.append(owner)


def _listeners(host: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    if "nginx" in host:
        yield 80, "nginx", ""
        yield 443, "nginx", ""
    for role in ("postgres", "pgbouncer", "minio"):
        if role in host:
            yield host[role]["port"], role, f"mastodon_ports.{role}"
    for role in ("redis", "puma", "streaming"):
        for instance in host.get(role, ()):
            yield instance["port"], f"{role} {instance['name']}", f"mastodon_ports.{role}"
    for listener in host.get("relay", {}).get("listeners", ()):
        yield listener["port"], f"relay {listener['name']}", "mastodon_ports.relay"
