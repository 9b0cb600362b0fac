# GPL-3.0-or-later (see LICENSE)
"""What came of a join, in lines: the seconds of each step, the proof, and what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any


def seconds(steps: Sequence[Sequence[Any]]) -> list[tuple[str, float]]:
    """How long each step took. steps: (name, epoch of its beginning), the last one closes the list."""
    return [(str(name), float(end) - float(begin)) for (name, begin), (_next, end) in zip(steps, steps[1:])]


def _canaries(present: Mapping[str, Any]) -> str:
    found = [f"{one['instance']} {one['taken_ms']} ms" for one in present.get("canaries") or ()]
    return f"a job of its own each: {', '.join(found)}" if found else "no job was asked for (sidekiq_workers_probe)"


def has_joined(one: Mapping[str, Any]) -> bool:
    """Whether a host takes jobs now, from what its tasks registered."""
    return not one.get("__worker_failure") and bool((one.get("__worker_present") or {}).get("processes"))


def joined(seen: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """lines, and failure: empty when all joined. seen: {host: what its tasks registered}."""
    lines, failed = [""], []
    for name, one in seen.items():
        steps = list(one.get("__worker_steps") or ())
        took = seconds(steps)
        total = float(steps[-1][1]) - float(steps[0][1]) if len(steps) > 1 else 0.0
        present = one.get("__worker_present") or {}
        if not has_joined(one):
            failed.append(name)
            where = f" at `{steps[-2][0]}`" if len(steps) > 1 else ""
            lines.append(f"{name}: did not join: it stopped after {total:.1f} s{where}.")
            lines += [f"  {line}" for line in str(one.get("__worker_failure") or "It gave no answer.").splitlines()]
            continue
        mine = [process for process in present["processes"] if process.get("mine")]
        lines.append(f"{name}: {len(mine)} processes take jobs, after {total:.1f} s; {_canaries(present)}.")
        lines.append("  " + ", ".join(f"{step} {value:.1f} s" for step, value in took))
    many = len(failed) > 1
    failure = f"{', '.join(failed)} {'have' if many else 'has'} not joined; see above." if failed else ""
    return {"lines": lines, "failure": failure}


def left(
    plan: Mapping[str, Any],
    name: str,
    orderly: Mapping[str, Any],
    dead: Mapping[str, Any],
    erased: bool,
    away: Collection[str] = (),
) -> list[str]:
    """What came of a leave. orderly, dead: what sidekiq_worker returned, the one that did not run is empty. away: hosts
    that did not answer."""
    lines = [""]
    if "jobs_rescued" in dead:
        lines.append(f"{name}: {dead['jobs_rescued']} jobs pushed back, {dead['jobs_lost_at_most']} lost at most.")
    elif "drained_in_s" in orderly:
        back = orderly.get("jobs_requeued", 0)
        lines.append(f"{name}: its processes are stopped; {back} jobs in hand were pushed back.")
    lines += [f"  {note}" for note in (*dead.get("notes", ()), *orderly.get("notes", ()))]
    share, hosts = plan["hosts"][name], plan["cluster"]["hosts"]
    own, store = share["mastodon"].get("identity"), share["mastodon"]["s3"].get("user")
    pending = hosts["minio"] in away
    lines.append(
        f"{name}: shut out of PostgreSQL on {hosts['postgres']}, Redis on {hosts['redis']}"
        + (f", MinIO on {hosts['minio']}" if store and not pending else "")
        + (" and the tunnels." if "wireguard" in share else ".")
    )
    lines.append("What is left:")
    if store and pending:
        lines.append(
            f"  - MinIO on {hosts['minio']} was not reached: its key {store} opens the store until this runs again, or"
            " add_worker.yml for any host."
        )
    if not own:
        lines.append(
            "  - It knows the passwords that all hosts share, for PostgreSQL and Redis: change them if it is not yours"
            " any more, and set mastodon_worker_identity: per_worker for the others."
        )
    if erased:
        lines.append("  - On the host: release and units, which hold no secret.")
    else:
        lines.append(
            "  - On the host: the application's environment with its secrets; -e worker_erase=true removes it."
        )
    lines.append(f"  - In the inventory: take {name} out of it, else site.yml lets it join again.")
    return lines
