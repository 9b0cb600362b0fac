# GPL-3.0-or-later (see LICENSE)
"""One host on the page: its memory, its processes, its settings, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import page_bars as bars
from . import page_words as words
from .page_why import Reasons, everything, of_all, of_units, under

Host = Mapping[str, Any]
Row = dict[str, Any]


def host(given: Host, reasons: Reasons) -> dict[str, Any]:
    """Everything that the page shows of a host."""
    name = given["name"]
    rows = [row for part in (_web, _sidekiq, _middle, _data) for row in part(given, reasons)]
    memory = given["memory_mb"]
    trips = zip(("PostgreSQL", "Redis"), reasons.round_trips(name))
    return {
        "name": name,
        "anchor": f"host-{name}",
        "address": given["address"],
        "architecture": given["architecture"],
        "groups": list(given["groups"]),
        "cores": words.number(given["cores"]),
        "memory": words.memory(memory["total"]),
        "free": words.memory(max(0, memory["free"])),
        "round_trips": [f"{ms:g} ms to {server}" for server, ms in trips if ms],
        "bar": bars.memory(memory),
        "memory_why": reasons.of_host(name, under("memory_mb")),
        "rows": rows,
        "works": any(row["capacity"] for row in rows),
        "settings": _settings(given, reasons),
        "why": reasons.of_host(name, everything),
    }


def _row(process: str, size: str, connections: str = "", **more: Any) -> Row:
    return {
        "process": process,
        "size": size,
        "listens": "",
        "queues": [],
        "capacity": [],
        "binding": "",
        "connections": connections,
        "why": [],
        **more,
    }


def _web(given: Host, reasons: Reasons) -> Iterator[Row]:
    name = given["name"]
    if "nginx" in given:
        nginx = given["nginx"]
        front = f"in front of {len(nginx['web'])} Puma and {len(nginx['streaming'])} streaming"
        most = f"{words.number(nginx['worker_connections'])} connections a worker"
        why = reasons.of_host(name, under("nginx"))
        yield _row("nginx", f"{front}; {most}", listens="*:80, *:443", why=why)
    why = reasons.of_host(name, under("puma"))
    for puma in given.get("puma", ()):
        size = f"{words.counted(puma['workers'], 'worker', 'workers')} × {_threads(puma['threads'])}"
        held = words.number(puma["workers"] * puma["db_pool"])
        yield _row(f"Puma {puma['name']}", size, held, listens=f"{puma['address']}:{puma['port']}", why=why)
        why = []
    why = reasons.of_host(name, under("streaming"))
    for process in given.get("streaming", ()):
        where = f"{process['address']}:{process['port']}"
        yield _row(
            f"streaming {process['name']}", "1 process", words.number(process["db_pool"]), listens=where, why=why
        )
        why = []


def _threads(count: int) -> str:
    return words.counted(count, "thread", "threads")


def _sidekiq(given: Host, reasons: Reasons) -> Iterator[Row]:
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for unit in given.get("sidekiq_workers", ()):
        alike.setdefault(repr({key: value for key, value in unit.items() if key != "name"}), []).append(unit)
    why = reasons.of_host(given["name"], of_all("sidekiq_workers"))
    for units in alike.values():
        unit = units[0]
        names = [each["name"] for each in units]
        many = f"{len(units)} processes × " if len(units) > 1 else ""
        notes = [note for key, note in (("on_demand", "on demand"), ("breaker_pool", "breaker pool")) if unit[key]]
        yield _row(
            f"Sidekiq {words.span(names)}",
            many + _threads(unit["threads"]) + "".join(f", {note}" for note in notes),
            words.number(unit["db_pool"] * len(units)),
            units=names,
            queues=[queue if weight is None else f"{queue} {weight}" for queue, weight in unit["queues"]],
            capacity=[f"{queue} {words.number(rate * len(units))}" for queue, rate in unit["capacity"].items()],
            binding=unit["binding"],
            why=reasons.of_host(given["name"], of_units(names)) + why,
        )
        why = []


def _middle(given: Host, reasons: Reasons) -> Iterator[Row]:
    name = given["name"]
    if "pgbouncer" in given:
        pooler = given["pgbouncer"]
        pools = ", ".join(f"{pool['pool_size']} + {pool['reserve']} in reserve" for pool in pooler["pools"])
        yield _row(
            "PgBouncer",
            f"pool {pools}; up to {words.number(pooler['max_client_conn'])} clients",
            f"{sum(pool['pool_size'] + pool['reserve'] for pool in pooler['pools'])} to PostgreSQL",
            listens=f"{pooler['listen_address']}:{pooler['port']}",
            why=reasons.of_host(name, under("pgbouncer")),
        )
    if "relay" in given:
        relay = given["relay"]
        ports = ", ".join(f"{one['name']} {one['port']}" for one in relay["listeners"])
        size = f"to Redis; up to {words.number(relay['maxconn'])} connections"
        yield _row("relay", size, listens=ports, why=reasons.of_host(name, under("relay")))


def _data(given: Host, reasons: Reasons) -> Iterator[Row]:
    name = given["name"]
    if "postgres" in given:
        postgres = given["postgres"]
        own = under("postgres.settings")
        yield _row(
            "PostgreSQL",
            f"sized for {words.memory(postgres['memory_mb'])}; for {_hosts(postgres['clients'])}",
            f"{words.number(postgres['max_connections'])} allowed",
            listens=f"{postgres['listen_addresses'][-1]}:{postgres['port']}",
            why=reasons.of_host(name, lambda path: under("postgres")(path) and not own(path)),
        )
    for redis in given.get("redis", ()):
        why = reasons.of_host(name, of_all("redis")) + reasons.of_host(name, under(f"redis[{redis['name']}]"))
        serves = f"; serves {', '.join(redis['serves'])}" if len(redis["serves"]) > 1 else ""
        journal = "journal" if redis["appendonly"] else "no journal"
        yield _row(
            f"Redis {redis['name']}",
            f"up to {words.memory(redis['maxmemory_mb'])}, {redis['policy']}, {journal}{serves}",
            listens=f"{redis['bind'][-1]}:{redis['port']}",
            why=why,
        )
    if "minio" in given:
        minio = given["minio"]
        where = f"{minio['address']}:{minio['port']}"
        yield _row("MinIO", f"bucket {minio['bucket']}", listens=where, why=reasons.of_host(name, under("minio")))


def _hosts(clients: list[Mapping[str, Any]]) -> str:
    return words.listed([client["host"] for client in clients])


def _settings(given: Host, reasons: Reasons) -> list[dict[str, Any]]:
    """Tables of names, values and reasons: PostgreSQL's settings, limits of processes and kernel."""
    limits = given.get("limits", {})
    tables = (
        ("PostgreSQL settings", "postgres.settings", given.get("postgres", {}).get("settings", {})),
        ("Open files per process", "limits.nofile", limits.get("nofile", {})),
        ("Kernel", "limits.sysctl", limits.get("sysctl", {})),
    )
    found = []
    for title, path, table in tables:
        rows = [
            {
                "name": key,
                "value": words.value(value),
                "why": reasons.of_host(given["name"], under(f"{path}.{key}")),
            }
            for key, value in table.items()
        ]
        if rows:
            found.append({"title": title, "rows": rows, "explained": any(row["why"] for row in rows)})
    return found
