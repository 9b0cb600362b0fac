# GPL-3.0-or-later (see LICENSE)
"""What the page of the plan shows, computed; the template only writes it down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import page_bars as bars
from . import page_words as words
from .page_drawing import FOLD_BEYOND, draw
from .page_host import host
from .page_why import Reasons, everything, under

Plan = Mapping[str, Any]


def view(plan: Plan) -> dict[str, Any]:
    """A plan in; texts, widths and positions out, as plain data, in the order of the page. Raises nothing of its own.

    Each entry of the plan's why is in exactly one list called why (or ending in _why); one of every host is in one of
    each host's, or in the cluster's where hosts are many.
    """
    reasons = Reasons(plan, beside=len(plan["hosts"]) <= FOLD_BEYOND)
    return {
        "title": plan["cluster"]["web_domain"],
        "figures": _figures(plan),
        "warnings": list(plan["warnings"]),
        "drawing": draw(plan, reasons),
        "ledger": _ledger(plan, reasons),
        "forecast": _forecast(plan["forecast"], reasons),
        "hosts": [host(each, reasons) for each in plan["hosts"].values()],
        "hosts_open": len(plan["hosts"]) <= FOLD_BEYOND,
        "cluster": _cluster(plan["cluster"]),
        "why": reasons.of_cluster(everything),
    }


def _figures(plan: Plan) -> list[dict[str, str]]:
    """The numbers to see first."""
    hosts, forecast, ledger = list(plan["hosts"].values()), plan["forecast"], plan["ledger"]
    cores = [each["cores"] for each in hosts]
    memory = [each["memory_mb"]["total"] for each in hosts]
    shown = ["size unknown"] if None in cores or None in memory else []
    shown = shown or [words.counted(sum(cores), "core", "cores"), words.memory(sum(memory))]
    units = [unit for each in hosts for unit in each.get("sidekiq_workers", ())]
    threads = words.counted(sum(unit["threads"] for unit in units), "thread", "threads")
    back = forecast["recovery_after_one_hour_s"]
    return [
        {"name": "hosts", "value": words.number(len(plan["hosts"])), "note": ", ".join(shown)},
        {"name": "Sidekiq processes", "value": words.number(len(units)), "note": threads},
        {
            "name": "connections",
            "value": f"{words.number(_promised(ledger))} of {words.number(ledger['max_connections'])}",
            "note": "may be open, of those that PostgreSQL allows",
        },
        {
            "name": "slow servers survived",
            "value": words.percent(forecast["slow_share_survived"]),
            "note": "of deliveries may run into their time limit at full load",
        },
        {
            "name": "after one hour's outage",
            "value": words.duration(back),
            "note": "until the backlog is done" if back is not None else "arrivals leave nothing to catch up with",
        },
    ]


def _promised(ledger: Mapping[str, int]) -> int:
    return sum(ledger[key] for key in bars.SUMMANDS)


def _ledger(plan: Plan, reasons: Reasons) -> dict[str, Any]:
    """The connections of the cluster: who may open how many."""
    ledger = plan["ledger"]
    poolers = [
        {
            "host": name,
            "pool": words.number(sum(pool["pool_size"] for pool in each["pgbouncer"]["pools"])),
            "reserve": words.number(sum(pool["reserve"] for pool in each["pgbouncer"]["pools"])),
            "clients": words.number(each["pgbouncer"]["max_client_conn"]),
        }
        for name, each in plan["hosts"].items()
        if "pgbouncer" in each
    ]
    return {
        "promised": words.number(_promised(ledger)),
        "allowed": words.number(ledger["max_connections"]),
        "clients": words.number(ledger["clients"]),
        "bar": bars.connections(ledger),
        "poolers": poolers,
        "poolers_open": len(poolers) <= FOLD_BEYOND,
        "why": reasons.of_cluster(under("ledger")),
    }


def _forecast(forecast: Mapping[str, Any], reasons: Reasons) -> dict[str, Any]:
    """What the cluster can do a second, queue by queue."""
    return {
        "binding": forecast["binding"],
        "slow": words.percent(forecast["slow_share_survived"]),
        "recovery": _recovery(forecast["recovery_after_one_hour_s"]),
        "queues": list(_queues(forecast)),
        "why": reasons.of_cluster(under("forecast")),
    }


def _recovery(seconds: int | None) -> str:
    if seconds is None:
        return "After an outage a backlog would never be done: arrivals leave nothing to catch up with."
    return f"After an hour's outage the backlog is done in {words.duration(seconds)}."


def _queues(forecast: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for queue, together in forecast["jobs_per_second"].items():
        expected, alone = forecast["expected"][queue], forecast["most"][queue]
        yield {
            "queue": queue,
            "expected": words.number(expected),
            "together": words.number(together),
            "alone": words.number(alone),
            "bar": bars.queue(expected, together, alone),
            "short": expected > together,
        }


def _cluster(cluster: Mapping[str, Any]) -> list[dict[str, str]]:
    """What holds for all hosts."""
    media = {
        "minio": f"MinIO on {cluster['hosts']['minio']}, as https://{cluster['media_domain']}",
        "external": "an S3 service elsewhere",
        "none": "on the disk of the application hosts",
    }
    built = ", ".join(f"{name} ({architecture})" for architecture, name in cluster["build_hosts"].items())
    return [
        {"name": "accounts", "value": f"@…@{cluster['domain']}, first admin {cluster['admin']['username']}"},
        {"name": "Mastodon", "value": f"{cluster['version']} from {cluster['source']}"},
        {"name": "media", "value": media[cluster["s3_backend"]]},
        {"name": "TLS", "value": cluster["tls"]},
        {"name": "built on", "value": built or "nowhere: a finished release is unpacked"},
        {"name": "migrates", "value": cluster["migrate_host"]},
        {"name": "scheduler", "value": f"{cluster['scheduler_host']}, the only one"},
    ]
