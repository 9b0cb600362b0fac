# GPL-3.0-or-later (see LICENSE)
"""One host's part of the status: units, room, tunnels, release, lost jobs. No I/O."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from . import lost

# WireGuard gives a session up after 180 s; with a keepalive a younger handshake is always there.
FRESH = 180
DISK_SHORT, DISK_FULL = 10, 3
MEMORY_SHORT = 5


class Findings(Protocol):
    """What a judgement adds to."""

    problems: list[str]
    strains: list[str]
    notes: list[str]


def _running(seen: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    active = [name for name, unit in seen["units"].items() if unit.get("active")]
    return [pattern for pattern in wanted if fnmatch.filter(active, pattern)]


def host_row(share: Mapping[str, Any], seen: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The host's line. memory and disk: what is left, in percent."""
    disks = seen.get("disks", ())
    return {
        "name": share["name"],
        "reached": True,
        "release": seen.get("release", ""),
        "units": len(wanted),
        "units_running": len(_running(seen, wanted)),
        "cores": seen.get("cores", 0),
        "load": seen.get("load", 0.0),
        "memory_free_percent": seen.get("memory_free_percent"),
        "disk_free_percent": min((int(one["free_percent"]) for one in disks), default=None),
        "pooler": seen.get("pooler"),
        "jobs_lost": seen.get("lost", {}).get("count", 0),
    }


def judge_host(found: Findings, name: str, share: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    """Units, room, pooler and tunnels of one host."""
    for unit, told in sorted(seen["units"].items()):
        if told.get("wanted", True) and not told.get("active"):
            found.problems.append(f"{name}: {unit} is {told.get('state') or 'not there'}: journalctl -u '{unit}' there")
    for disk in seen.get("disks", ()):
        left = int(disk["free_percent"])
        text = f"{name}: {disk['path']} has {left} % left ({disk['free_mb']} MB)"
        if left < DISK_FULL:
            found.problems.append(f"{text}: make room")
        elif left < DISK_SHORT:
            found.strains.append(text)
    memory = seen.get("memory_free_percent")
    if memory is not None and memory < MEMORY_SHORT:
        found.strains.append(f"{name}: {memory} % of the memory is available")
    pooler = seen.get("pooler") or {}
    if pooler.get("longest_wait_s", 0) >= 1:
        found.strains.append(
            f"{name}: {pooler['waiting']} clients wait for PgBouncer, the first for {pooler['longest_wait_s']} s:"
            f" all {pooler['servers']} connections are in use"
        )
    for tunnel in seen.get("tunnels", ()):
        _judge_tunnel(found, name, tunnel)
    if told := lost.sentence(name, seen.get("lost", {}), seen.get("now", 0.0)):
        found.strains.append(told)


def _judge_tunnel(found: Findings, name: str, tunnel: Mapping[str, Any]) -> None:
    age = tunnel["handshake_age_s"]
    if age is not None and age <= FRESH:
        return
    said = "no handshake yet" if age is None else f"last handshake {age} s ago"
    text = f"{name}: tunnel {tunnel['interface']} to {tunnel['peer']}: {said}"
    # Without a keepalive silence is no finding: WireGuard is silent when there is nothing to send.
    if tunnel["keepalive"]:
        found.problems.append(f"{text}: playbooks/network.yml says why")
    else:
        found.notes.append(text)


def judge_releases(found: Findings, plan: Mapping[str, Any], observed: Mapping[str, Mapping[str, Any]]) -> None:
    """All hosts with the application run one release: an old process does not know the jobs of a new one."""
    has = {
        name: str(observed[name].get("release") or "none")
        for name, share in plan["hosts"].items()
        if name in observed and share.get("mastodon", {}).get("tree", "public") != "public"
    }
    planned = str(plan["cluster"]["version"])
    where = {one: ", ".join(name for name, has_it in has.items() if has_it == one) for one in sorted(set(has.values()))}
    if len(where) > 1:
        listed = "; ".join(f"{release} on {hosts}" for release, hosts in where.items())
        found.problems.append(f"different releases run ({listed}): run site.yml to the end")
    elif where and planned not in where:
        found.notes.append(f"the inventory asks for release {planned}, {'; '.join(where)} runs")
