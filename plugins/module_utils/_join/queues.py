# GPL-3.0-or-later (see LICENSE)
"""Who listens to which queue: what a host may take, and what would be left without anybody (c.10, c.12.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from .checks import Check, not_asked
from .instance import Unit, Wanted, public
from .registration import Beat

SCHEDULER = "scheduler"


def judge(
    wanted: Sequence[Wanted],
    units: Mapping[str, Unit],
    release: Collection[str],
    others: Sequence[Beat] | None,
    now: float,
    allow_scheduler: bool,
) -> Check:
    """The check `queues`. others: processes that are not this host's; None: Redis did not answer."""
    if not wanted:
        return not_asked("queues", "no instance was given")
    # What the process will really listen to: its unit's list, else the plan's.
    lists = {one.name: (units[one.name].command.names if one.name in units else None) or one.queues for one in wanted}
    for name, queues in lists.items():
        unknown = sorted(queues - set(release))
        if release and unknown:
            return Check(
                "queues",
                False,
                f"{name} listens to {', '.join(unknown)}, which the release does not have",
                ", ".join(sorted(release)),
                "Correct mastodon_sidekiq_workers, or run the role sidekiq_workers, which leaves such queues out.",
            )
    timers = [name for name, queues in lists.items() if SCHEDULER in queues]
    if len(timers) > 1:
        return Check("queues", False, f"{' and '.join(timers)} both have {SCHEDULER}", "one process", _ONE)
    if timers and not allow_scheduler:
        if others is None:
            return not_asked("queues", "Redis did not say who has the scheduler")
        holder = next((beat for beat in others if SCHEDULER in beat.queues and beat.alive(now)), None)
        if holder:
            seen = f"{timers[0]} has {SCHEDULER}, and {holder.identity} has it already"
            return Check("queues", False, seen, "one process in the cluster", _ONE)
    names = sorted(frozenset[str]().union(*lists.values()))
    return Check("queues", True, f"{len(wanted)} instances: {', '.join(names)}")


_ONE = "Timed jobs would run once in each. Take the queue away from one of them first."


def left_without(own: Iterable[Beat], everybody: Iterable[Beat], now: float) -> list[str]:
    """Queues that only these processes take from: live and not quiet. A quiet process takes nothing, so that it
    counts for neither side; Mastodon's own check counts it."""
    leaving = [beat for beat in own if beat.alive(now) and not beat.quiet]
    identities = {beat.identity for beat in leaving}
    staying = [beat for beat in everybody if beat.identity not in identities and beat.alive(now) and not beat.quiet]
    kept = frozenset[str]().union(*(beat.queues for beat in staying))
    return sorted(public(frozenset[str]().union(*(beat.queues for beat in leaving))) - kept)


def refusal(queues: Sequence[str], worker: str) -> str:
    """Why this host may not leave."""
    many = len(queues) > 1
    scheduler = (
        " The scheduler goes to one process: give it to another host's mastodon_sidekiq_workers first."
        if SCHEDULER in queues
        else ""
    )
    return (
        f"{worker}: queue{'s' if many else ''} {', '.join(queues)} would be left without a live process to take jobs;"
        f" nothing was changed. Start one for {'them' if many else 'it'} on another host first (playbooks/status.yml)."
        + scheduler
    )
