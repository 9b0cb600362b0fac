# GPL-3.0-or-later (see LICENSE)
"""Taking a worker out: the steps of an orderly leave, and what can be saved of one that died (wireguard-join c.12)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .drain import Job, jobs
from .instance import Unit
from .registration import Beat

# Copies of `<identity>:work`: that hash lives for 60 s, and a run may be killed at any moment.
SAVED = "fediverse:rescue:"
SAVED_FOR = 7 * 86400


@dataclass(frozen=True)
class Step:
    """One action on a unit. verb: quiet, disable, stop, mask, unmask, enable, start, restart."""

    verb: str
    unit: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.unit}" + (f" ({self.why})" if self.why else "")


def to_quiet(units: Sequence[Unit], quiet: Collection[str]) -> tuple[Step, ...]:
    """All running ones that are not quiet yet. quiet: names of units whose heartbeat says so."""
    return tuple(Step("quiet", unit.name) for unit in units if unit.pid and unit.name not in quiet)


def to_stop(units: Sequence[Unit]) -> tuple[Step, ...]:
    """Disabled first: a reboot in the middle must not bring it back. Masked until the next boot, for site.yml."""
    steps = [Step("disable", unit.name) for unit in units if unit.enabled]
    steps += [Step("stop", unit.name) for unit in units if not unit.is_down]
    steps += [Step("mask", unit.name) for unit in units if unit.loaded and not unit.masked]
    return tuple(steps)


def to_run(unit: Unit, quiet: bool) -> tuple[Step, ...]:
    """What makes a unit take jobs. There is no signal against quiet: only a restart takes it away."""
    steps = [Step("unmask", unit.name)] if unit.masked else []
    if not unit.enabled:
        steps.append(Step("enable", unit.name))
    if unit.is_up and quiet:
        steps.append(Step("restart", unit.name, "it is quiet and takes no job"))
    elif not unit.is_up:
        steps.append(Step("start", unit.name, f"is {unit.active}"))
    return tuple(steps)


def killed(worker: str, unit: Unit, running: Sequence[str]) -> str:
    """A stop whose result is not success: systemd killed it before it had pushed its jobs back."""
    lost = f" In hand were: {', '.join(running)}; they may be lost." if running else " No job was in hand."
    return (
        f"{worker}: {unit.name} ended with `{unit.result}` instead of success.{lost}"
        f" Look at journalctl -u {unit.name}; TimeoutStopSec must be above Sidekiq's own ({unit.command.timeout} s)."
    )


@dataclass(frozen=True)
class Dead:
    """What is known of a dead process. work None: its hash has expired and no copy was made."""

    identity: str
    concurrency: int
    beat_age: float | None
    work: Mapping[str, str] | None


def is_dead(beat: Beat, now: float, dead_after: float) -> bool:
    """Without a hash it has not beaten for 60 s (its life), else the beat decides."""
    return not beat.beat or beat.age(now) > dead_after


def chosen(beats: Sequence[Beat], hostname: str, identities: Collection[str]) -> tuple[Beat, ...]:
    """The entries of a host by its name, narrowed to these identities where some were given."""
    return tuple(beat for beat in beats if (beat.identity in identities if identities else beat.hostname == hostname))


def still_alive(worker: str, beat: Beat, now: float, limit: float, named: bool) -> str:
    """Why a process is not removed by force."""
    twin = "" if named else " If it is another host of the same hostname, name the dead ones with `identities`."
    return (
        f"{worker}: {beat.identity} is alive: it beat {beat.age(now):.0f} s ago (dead: more than {limit:.0f} s);"
        f" nothing was pushed back.{twin} Else remove it in order, without force."
    )


def to_rescue(dead: Dead) -> tuple[Job, ...]:
    """The jobs to push back to the end from which they are taken next."""
    return jobs(dead.work or {})


def lost_at_most(dead: Dead, threads: int) -> int:
    """How many may be gone: each thread may have begun one after the last beat, which nobody else knows of."""
    return dead.concurrency or threads


def honest(dead: Dead, rescued: int, threads: int, rescue: bool) -> str:
    """What is said about one dead process."""
    most = lost_at_most(dead, threads)
    number = f"up to {most}" if most else "an unknown number of"
    if not rescue:
        return f"{dead.identity}: jobs were not rescued (rescue_jobs is off): {number} jobs are lost"
    if dead.work is None:
        return f"{dead.identity}: work key expired: {number} jobs may be lost"
    begun = f"{number} jobs that began after its last beat may be lost"
    twice = "; those that ended after it run twice" if rescued else ""
    return f"{dead.identity}: {rescued} jobs pushed back to their queues{twice}; {begun}"
