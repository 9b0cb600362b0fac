# GPL-3.0-or-later (see LICENSE)
"""What hosts have, as a snippet for an inventory."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from .preflight import first_line


def snippet(results: Mapping[str, Mapping[str, Any]], reached_at: Mapping[str, str]) -> list[str]:
    """results: what Ansible registered per host; reached_at: each host's ansible_host."""
    lines = ["", "# Copy what you want into inventories/<yours>/host_vars/<host>.yml"]
    missing = []
    for name, result in results.items():
        if "report" in result:
            lines += ["", *_host(name, result["report"], reached_at.get(name, ""))]
        else:
            missing.append((name, result))
    for name, result in missing:
        failed = "failure_reason" in result
        reason = result["failure_reason"] if failed else result.get("unreachable_reason", "it was not asked")
        lines += [
            "",
            f"# host_vars/{name}.yml: {'could not be read' if failed else 'cannot be reached'}: {first_line(reason)}",
        ]
    return [*lines, ""]


def _host(name: str, report: Mapping[str, Any], reached_at: str) -> list[str]:
    lines = [f"# host_vars/{name}.yml: {report['os']['name']}"]
    if report["container"]:
        lines.append("# A container sees the memory of the machine that it runs on: declare what it may use.")
    lines += [
        f"mastodon_cpus: {report['cores']}",
        f"mastodon_memory_mb: {report['memory_mb']}",
        f"mastodon_architecture: {report['architecture']}",
    ]
    candidates = sorted(report["addresses"].items(), key=lambda item: _rank(item, reached_at))
    if candidates:
        interface, address = candidates[0]
        others = ", ".join(f"{other} on {where}" for where, other in candidates[1:])
        note = f"on {interface}" + (f"; also {others}" if others else "")
        lines.append(f"mastodon_address: {address}  # {note}")
    mounts = {disk["mount"]: disk for disk in report["disks"]}
    for mount, disk in mounts.items():
        kind = {True: "hdd, or a virtual disk", False: "ssd", None: "unknown kind"}[disk["rotational"]]
        size = f"{disk['free_mb'] / 1024:.0f} of {disk['size_mb'] / 1024:.0f} GB free"
        lines.append(f"# disk {mount}: {kind}, {size}")
    return lines


def _rank(item: tuple[str, str], reached_at: str) -> tuple[bool, bool, bool, str]:
    """A private address that Ansible does not come in by is most likely the cluster's network."""
    interface, address = item
    bridge = interface.startswith(("docker", "br-", "veth", "virbr"))
    return (bridge, address == reached_at, not ipaddress.ip_address(address).is_private, interface)
