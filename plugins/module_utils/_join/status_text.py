# GPL-3.0-or-later (see LICENSE)
"""The status for a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._plan.explain import table, title, wrapped

Told = Mapping[str, Any]


def lines(status: Told) -> list[str]:
    """status: `Status.plain()`. Tables first, findings and verdict last, where a screen ends."""
    found: list[str] = []
    for part in (_hosts, _instances, _queues, _data, _tunnels):
        section = part(status)
        found += ["", *section] if section else []
    labels = (("problems", "Broken"), ("strains", "Short or late"), ("notes", "To know"))
    for name, heading in labels:
        if status[name]:
            found += ["", *title(heading)]
            for one in status[name]:
                found += wrapped("  - ", f"{one.rstrip('.')}.")
    return [*found, "", verdict(status)]


def verdict(status: Told) -> str:
    """One line."""
    counts = [_many(len(status[name]), word) for name, word in (("problems", "problem"), ("strains", "strain"))]
    return f"{status['verdict']}: {', '.join(counts)}" if status["problems"] or status["strains"] else "ok"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _hosts(status: Told) -> list[str]:
    rows = []
    for one in status["hosts"]:
        if not one["reached"]:
            rows.append([one["name"], "-", "-", "-", "-", "-", "not reached"])
            continue
        units = f"{one['units_running']}/{one['units']}"
        load = f"{one['load']:.1f}/{one['cores']}"
        pooler = one["pooler"]
        pool = f"{pooler['clients']} clients on {pooler['servers']}, {pooler['waiting']} wait" if pooler else ""
        rows.append(
            [
                one["name"],
                units,
                load,
                _percent(one["memory_free_percent"]),
                _percent(one["disk_free_percent"]),
                one["release"] or "-",
                pool or "-",
            ]
        )
    header = ["host", "units", "load/cores", "memory left", "disk left", "release", "PgBouncer"]
    return table(header, rows, right=(1, 2, 3, 4)) if rows else []


def _percent(value: Any) -> str:
    return "-" if value is None else f"{value} %"


def _instances(status: Told) -> list[str]:
    rows = [
        [
            one["host"],
            one["name"] if one["planned"] else f"{one['name']} (not planned)",
            one["state"],
            f"{one['busy']}/{one['threads']}" if "threads" in one else "-",
            f"{one['rtt_ms']:.1f} ms" if "rtt_ms" in one else "-",
            f"{one['memory_mb']} MB" if "memory_mb" in one else "-",
            ", ".join(one.get("queues", ())) or "-",
        ]
        for one in status["instances"]
    ]
    header = ["host", "Sidekiq", "state", "busy", "Redis", "memory", "queues"]
    return table(header, rows, right=(3, 4, 5)) if rows else []


def _queues(status: Told) -> list[str]:
    rows = [
        [
            one["name"],
            f"{one['size']:,}",
            _duration(one["latency_s"]),
            f"{one['growth_per_s']:+.1f}" if one["growth_per_s"] else "0",
            str(one["processes"]),
            str(one["threads"]),
            "",
        ]
        for one in status["queues"]
    ]
    if not rows:
        return []
    found = table(["queue", "waiting", "oldest", "grows/s", "processes", "threads", ""], rows, right=(1, 2, 3, 4, 5))
    jobs = status["jobs"]
    kept = f"{jobs.get('retry', 0):,} to retry, {jobs.get('scheduled', 0):,} scheduled, {jobs.get('dead', 0):,} dead"
    rate = jobs.get("last_minute")
    done = f"; in the last minute {rate['done']}/s done, {rate['failed']}/s failed" if rate else ""
    return [*found, *wrapped("  ", kept + done)]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _data(status: Told) -> list[str]:
    rows = [
        [
            f"Redis {one['name']}",
            one["version"],
            f"{one['clients']} of {_limit(one['clients_limit'])}",
            f"{one['memory_mb']} MB of {_limit(one['memory_limit_mb'])}",
            one["policy"],
        ]
        for one in status["redis"]
    ]
    seen = status["database"]
    if seen:
        ledger = seen["ledger"]
        roles = ", ".join(f"{name} {count}" for name, count in seen["by_role"].items())
        rows.append(
            [
                "PostgreSQL",
                seen["version"].split()[0],
                f"{seen['connections']} of {seen['connections_limit'] - seen['reserved']}",
                "",
                f"{roles}; the ledger plans {ledger['server_pool']} + {ledger['reserve']} in need",
            ]
        )
    return table(["service", "version", "connections", "memory", ""], rows) if rows else []


def _limit(value: Any) -> str:
    return str(value) if value else "no limit"


def _tunnels(status: Told) -> list[str]:
    by_host: dict[tuple[str, str], list[Told]] = {}
    for one in status["tunnels"]:
        by_host.setdefault((one["host"], one["interface"]), []).append(one)
    rows = []
    for (host, interface), peers in by_host.items():
        ages = [one["handshake_age_s"] for one in peers if one["handshake_age_s"] is not None]
        silent = [str(one["peer"]) for one in peers if one["handshake_age_s"] is None]
        oldest = f"{max(ages)} s" if ages else "-"
        rows.append([host, interface, str(len(peers)), oldest, ", ".join(silent) or "-"])
    header = ["host", "tunnel", "peers", "oldest handshake", "none with"]
    return table(header, rows, right=(2, 3)) if rows else []
