# GPL-3.0-or-later (see LICENSE)
"""Two plans side by side: today's and another one, or a published installation and our own choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .build import build
from .explain import duration, memory_gb, queue_list, table, title, wrapped
from .presets import PRESETS
from .problems import PlanError
from .what_if import apply

Plan = Mapping[str, Any]


def lines(before: Plan, after: Plan, names: Sequence[str] = ("today", "then"), notes: Sequence[str] = ()) -> list[str]:
    """For a terminal of 100 columns: what the cluster can do, then what differs on each host."""
    rows = [[label, old, new] for label, old, new in _figures(before, after)]
    out = ["", *title(f"{names[0]} and {names[1]}"), *table(["", *names], rows, right=())]
    moved = _moved(before, after)
    out += ["", "  What differs:"] if moved else ["", "  No process differs on any host."]
    for line in moved:
        out += wrapped("  - ", line)
    for note in notes:
        out += wrapped("  * ", note)
    return [*out, ""]


def _figures(before: Plan, after: Plan) -> list[tuple[str, str, str]]:
    found = [
        ("hosts", str(len(before["hosts"])), str(len(after["hosts"]))),
        ("Sidekiq processes", *(_count(plan, "processes") for plan in (before, after))),
        ("Sidekiq threads", *(_count(plan, "threads") for plan in (before, after))),
        ("Puma workers × threads", *(_puma(plan) for plan in (before, after))),
        ("memory claimed", *(memory_gb(_claimed(plan)) for plan in (before, after))),
        ("connections possible", *(str(plan["ledger"]["clients"]) for plan in (before, after))),
        ("PostgreSQL allows", *(str(plan["ledger"]["max_connections"]) for plan in (before, after))),
    ]
    for queue in ("default", "ingress", "push", "pull", "mailers"):
        found.append((f"{queue} jobs/s", *(_rate(_jobs(plan, queue)) for plan in (before, after))))
    found += [
        ("what people wait for", *(_apart(plan) for plan in (before, after))),
        ("slow share survived", *(f"{plan['forecast']['slow_share_survived']:.1%}" for plan in (before, after))),
        ("after an hour's outage", *(_recovery(plan) for plan in (before, after))),
        ("next limit", *(str(plan["forecast"]["binding"]).split(":")[0] for plan in (before, after))),
    ]
    return [(label, old, new) for label, old, new in found]


def _jobs(plan: Plan, queue: str) -> float:
    return float(plan["forecast"]["jobs_per_second"][queue])


def _rate(jobs: float) -> str:
    return f"{jobs:.0f}" if jobs >= 10 else f"{jobs:.1f}"


def _apart(plan: Plan) -> str:
    """Whether dead servers elsewhere can hold the threads that timelines, notifications and mail need."""
    alone = [set(unit["capacity"]) for unit in _units(plan) if not {"push", "pull", "fasp"} & set(unit["capacity"])]
    mixed = [queue for queue in ("default", "ingress", "mailers") if not any(queue in unit for unit in alone)]
    return f"{', '.join(mixed)} beside push" if mixed else "has its own threads"


def _units(plan: Plan) -> list[Mapping[str, Any]]:
    return [unit for host in plan["hosts"].values() for unit in host.get("sidekiq_workers", ())]


def _count(plan: Plan, what: str) -> str:
    units = _units(plan)
    return str(len(units) if what == "processes" else sum(unit["threads"] for unit in units))


def _puma(plan: Plan) -> str:
    found = [puma for host in plan["hosts"].values() for puma in host.get("puma", ())]
    workers = sum(puma["workers"] for puma in found)
    return f"{workers} × {found[0]['threads']}" if found else "none"


def _claimed(plan: Plan) -> int:
    return sum(sum(host["memory_mb"]["claims"].values()) for host in plan["hosts"].values())


def _recovery(plan: Plan) -> str:
    seconds = plan["forecast"]["recovery_after_one_hour_s"]
    return "never" if seconds is None else duration(seconds)


def _moved(before: Plan, after: Plan) -> list[str]:
    found = []
    for name in before["hosts"]:
        if name not in after["hosts"]:
            found.append(f"{name} is gone.")
    for name, host in after["hosts"].items():
        if name not in before["hosts"]:
            found.append(f"{name} is new: {_shape(host)}.")
            continue
        old, new = _shape(before["hosts"][name]), _shape(host)
        if old != new:
            found.append(f"{name}: {old} before; {new} now.")
        found += _pools(name, before["hosts"][name], host)
    old, new = before["ledger"]["max_connections"], after["ledger"]["max_connections"]
    if old != new:
        found.append(f"PostgreSQL allows {new} connections instead of {old}: it must be restarted for it.")
    return found


def _pools(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    def parts(host: Mapping[str, Any]) -> str:
        return " + ".join(f"{pool['pool_size']} + {pool['reserve']}" for pool in host["pgbouncer"]["pools"])

    if "pgbouncer" not in before or "pgbouncer" not in after or parts(before) == parts(after):
        return []
    return [f"{name}: its pooler may open {parts(after)} connections, {parts(before)} before (a reload)."]


def _shape(host: Mapping[str, Any]) -> str:
    """The processes of a host in a phrase."""
    parts = [f"Puma {puma['workers']} × {puma['threads']}" for puma in host.get("puma", ())]
    if host.get("streaming"):
        parts.append(f"{len(host['streaming'])} streaming")
    alike: dict[str, int] = {}
    for unit in host.get("sidekiq_workers", ()):
        pool = " with breaker pool" if unit["breaker_pool"] else ""
        alike[f"{unit['threads']} threads for {queue_list(unit['queues'])}{pool}"] = (
            alike.get(f"{unit['threads']} threads for {queue_list(unit['queues'])}{pool}", 0) + 1
        )
    parts += [f"{count} × {what}" for what, count in alike.items()]
    return ", ".join(parts) or "no process of the application"


def changes(inventory: Mapping[str, Any], wish: Mapping[str, Any]) -> list[str]:
    """Today's plan and the one with these changes; raises PlanError where today's cannot be planned."""
    before = build(inventory)
    after, against = _insisted(apply(inventory, wish))
    return [*lines(before, after), *against]


def published(inventory: Mapping[str, Any]) -> list[str]:
    """What a published installation ran, as a plan of this inventory, and what we would run."""
    name = next(values["mastodon_preset"] for values in inventory["hosts"].values() if values.get("mastodon_preset"))
    theirs, against = _insisted(inventory)
    ours = build(apply(inventory, {"settings": {"mastodon_preset": None}}))
    preset = PRESETS[name]
    told = lines(theirs, ours, (f"in {preset.year}", "our choice"), preset.notes)
    return [f"{preset.title}", *told, *against, *_reasons(ours)]


def _insisted(inventory: Mapping[str, Any]) -> tuple[Plan, list[str]]:
    """A plan, also one that cannot work, with what speaks against it."""
    try:
        return build(inventory), []
    except PlanError as error:
        if error.plan is None:
            raise
        said = [f"  {number}. {problem}" for number, problem in enumerate(error.problems, 1)]
        return error.plan, [*title("Why it cannot work"), *(line for one in said for line in wrapped("", one)), ""]


def _reasons(plan: Plan) -> list[str]:
    """The reasons of our units, once each."""
    seen: dict[str, str] = {}
    for reason in plan["why"]:
        if ".threads" in reason["path"] or reason["path"] in ("ledger.max_connections", "ledger.server_pool"):
            seen.setdefault(reason["rule"], f"{reason['path']} = {reason['value']}")
    found = title("Why our choice")
    for rule, where in seen.items():
        found += wrapped("  - ", f"{where}: {rule}")
    return [*found, ""]
