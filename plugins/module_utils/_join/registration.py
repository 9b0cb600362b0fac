# GPL-3.0-or-later (see LICENSE)
"""Sidekiq processes as their heartbeats describe them, and whether one of them is the process just started (c.11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._verify import heartbeat
from .instance import Unit, Wanted

BEAT = 10  # seconds between two heartbeats (Sidekiq 8.1: BEAT_PAUSE)
FRESH = 20.0
# A beat older than this is not counted on; the hash itself lives for 60 s.
ALIVE = 30.0


@dataclass(frozen=True)
class Beat:
    """One process of the set `processes`. beat, started: epoch; 0 when its hash has expired."""

    identity: str
    hostname: str
    pid: int
    queues: frozenset[str] = frozenset()
    concurrency: int = 0
    busy: int = 0
    quiet: bool = False
    tag: str = ""
    beat: float = 0.0
    started: float = 0.0
    rtt_us: int = 0
    version: str = ""
    work: Mapping[str, str] = field(default_factory=dict)

    def age(self, now: float) -> float:
        """Seconds since its last beat."""
        return max(0.0, now - self.beat)

    def alive(self, now: float) -> bool:
        """Whether it can be counted on to take jobs, quiet ones aside."""
        return self.beat > 0 and self.age(now) < ALIVE

    def plain(self, now: float, mine: bool) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "identity": self.identity,
            "hostname": self.hostname,
            "pid": self.pid,
            "tag": self.tag,
            "queues": sorted(self.queues),
            "concurrency": self.concurrency,
            "busy": self.busy,
            "quiet": self.quiet,
            "beat_age": round(self.age(now), 1) if self.beat else None,
            "rtt_us": self.rtt_us,
            "mine": mine,
        }


def parse(identity: str, fields: Mapping[str, str], work: Mapping[str, str] | None = None) -> Beat:
    """A heartbeat hash; where it has expired, what the identity `hostname:pid:nonce` alone says."""
    known = heartbeat.parse(identity, fields)
    if known is None:
        hostname, _, rest = identity.partition(":")
        pid = rest.partition(":")[0]
        return Beat(identity, hostname, int(pid) if pid.isdigit() else 0, work=dict(work or {}))
    info: dict[str, Any] = json.loads(fields["info"])
    return Beat(
        identity,
        known.hostname,
        known.pid,
        known.queues,
        known.concurrency,
        known.busy,
        known.quiet,
        str(info.get("tag") or ""),
        float(fields.get("beat") or 0),
        float(info.get("started_at") or 0),
        int(fields.get("rtt_us") or 0),
        str(info.get("version") or ""),
        dict(work or {}),
    )


def find(unit: Unit, hostname: str, beats: Iterable[Beat]) -> tuple[Beat, ...]:
    """The entries of a unit's process: hostname, pid and tag, and not begun before the unit was.

    Every Raspberry Pi is called `raspberrypi`, and two may give the same pid; of an earlier life of this one there may
    be a ghost. More than one is left only where two hosts cannot be told apart.
    """
    if not unit.pid:
        return ()
    same = [beat for beat in beats if beat.hostname == hostname and beat.pid == unit.pid and beat.beat]
    if unit.command.tag:
        same = [beat for beat in same if beat.tag == unit.command.tag]
    if unit.started:
        same = [beat for beat in same if beat.started >= unit.started - ALIVE]
    return tuple(same)


def verdict(wanted: Wanted, unit: Unit, hostname: str, beats: Sequence[Beat], now: float) -> str:
    """Why this process does not count as taking jobs yet; empty when it does."""
    if not unit.is_up:
        return f"{wanted.unit} is {unit.active}{f' ({unit.result})' if unit.result not in ('', 'success') else ''}"
    found = find(unit, hostname, beats)
    place = f"{hostname}:{unit.pid}"
    if not found:
        others = [beat.identity for beat in beats if beat.hostname == hostname and beat.beat]
        seen = f"; of {hostname} it knows {', '.join(sorted(others))}" if others else ""
        return f"Redis has no entry of {place} with tag {unit.command.tag or '(none)'}{seen}"
    if len(found) > 1:
        names = ", ".join(sorted(beat.identity for beat in found))
        return f"{names} look the same: give the hosts different hostnames (hostnamectl)"
    beat = found[0]
    if beat.age(now) >= FRESH:
        return f"{beat.identity} beat {beat.age(now):.0f} s ago, {FRESH:.0f} s at most count"
    if beat.quiet:
        return f"{beat.identity} is quiet and takes no job"
    # What the unit says, not the plan: the role leaves out queues that the release does not have.
    missing = sorted((unit.command.names or wanted.queues) - beat.queues)
    if missing:
        return f"{beat.identity} does not listen to {', '.join(missing)}: it runs with older settings"
    if unit.command.threads and beat.concurrency != unit.command.threads:
        return f"{beat.identity} has {beat.concurrency} threads, its unit says {unit.command.threads}"
    return ""
