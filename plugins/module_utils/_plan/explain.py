# GPL-3.0-or-later (see LICENSE)
"""The plan as text for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH = 100
HARD = "\N{NO-BREAK SPACE}"  # where a line must not end; an ordinary space once lines are made
Plan = Mapping[str, Any]


def text(plan: Plan, why: bool = False) -> list[str]:
    """Cluster first, then each host, then what to know."""
    lines = ["", *_cluster(plan), *_ledger(plan)]
    for host in plan["hosts"].values():
        lines += ["", *_host(host)]
    if plan["warnings"]:
        lines += ["", *_title("To know")]
        for warning in plan["warnings"]:
            lines += _wrapped("  - ", warning)
    if why:
        lines += ["", *_title("Why")]
        for reason in plan["why"]:
            lines += _wrapped(f"  {reason['path']} = {reason['value']}: ", _sentence(reason), "      ")
    return [*lines, ""]


def _sentence(reason: Mapping[str, Any]) -> str:
    inputs = ", ".join(f"{name} {value}" for name, value in reason["inputs"].items())
    binding = f"; binds: {reason['binding']}" if reason["binding"] else ""
    return f"{reason['rule']}" + (f" ({inputs})" if inputs else "") + binding


def _cluster(plan: Plan) -> list[str]:
    cluster = plan["cluster"]
    media: str = {
        "minio": f"MinIO on {cluster['hosts']['minio']}, as https://{cluster['media_domain']}",
        "external": "an S3 service elsewhere",
        "none": "on the disk of the application hosts",
    }[cluster["s3_backend"]]
    build = ", ".join(f"{host} ({architecture})" for architecture, host in cluster["build_hosts"].items())
    lines = _title(f"https://{cluster['web_domain']}")
    lines += _wrapped("  accounts    ", f"@…@{cluster['domain']}, first admin {cluster['admin']['username']}")
    lines += _wrapped("  Mastodon    ", f"{cluster['version']} from {cluster['source']}")
    lines += _wrapped("  media       ", media)
    lines += _wrapped("  TLS         ", cluster["tls"])
    lines += _wrapped("  built on    ", build or "nowhere: a finished release is unpacked")
    lines += _wrapped("  migrates    ", cluster["migrate_host"])
    lines += _wrapped("  scheduler   ", f"{cluster['scheduler_host']}, the only one")
    rows = [
        [
            host["name"],
            host["address"],
            "?" if host["cores"] is None else str(host["cores"]),
            _memory(host["memory_mb"]["total"]),
            ", ".join(host["groups"]),
        ]
        for host in plan["hosts"].values()
    ]
    return [*lines, "", *_table(["host", "address", "cores", "memory", "groups"], rows, right=(2, 3))]


def _ledger(plan: Plan) -> list[str]:
    ledger = plan["ledger"]
    parts = [ledger[key] for key in ("server_pool", "reserve", "direct", "reserved")]
    needed, most = sum(parts), ledger["max_connections"]
    return [
        "",
        *_wrapped(
            "  connections ",
            f"{needed} of {most} that PostgreSQL allows: pools {parts[0]}, their reserves {parts[1]}, past the poolers"
            f" {parts[2]}, superuser {parts[3]}; {most - needed} free. {ledger['clients']} clients share the pools.",
        ),
    ]


def _host(host: Mapping[str, Any]) -> list[str]:
    cores = "cores unknown" if host["cores"] is None else f"{host['cores']} cores"
    memory = host["memory_mb"]["total"]
    facts = [host["address"], host["architecture"], cores, "memory unknown" if memory is None else _memory(memory)]
    rows = [row for part in (_web, _sidekiq, _data, _middle) for row in part(host)]
    table = _table(["process", "listens on", "conn.", "size"], rows, right=(2,))
    return [*_title(f"{host['name']}  ({', '.join(facts)})"), *table]


def _web(host: Mapping[str, Any]) -> Iterable[list[str]]:
    if "nginx" in host:
        count = len(host["nginx"]["web"]), len(host["nginx"]["streaming"])
        media = ", media host" if host["nginx"]["media"] else ""
        yield ["nginx", "*:80, *:443", "", f"in front of {count[0]} Puma and {count[1]} streaming{media}"]
    for puma in host.get("puma", ()):
        size = f"{puma['workers']} workers × {puma['threads']} threads"
        connections = str(puma["workers"] * puma["db_pool"])
        yield [f"puma {puma['name']}", f"{puma['address']}:{puma['port']}", connections, size]
    for process in host.get("streaming", ()):
        where = f"{process['address']}:{process['port']}"
        yield [f"streaming {process['name']}", where, str(process["db_pool"]), "1 process"]


def _sidekiq(host: Mapping[str, Any]) -> Iterable[list[str]]:
    alike: dict[tuple[str, int], list[str]] = {}
    for unit in host.get("sidekiq_workers", ()):
        queues = ", ".join(name if weight is None else f"{name}{HARD}{weight}" for name, weight in unit["queues"])
        size = f"{unit['threads']} threads: {queues}" + (" (on demand)" if unit["on_demand"] else "")
        alike.setdefault((size, unit["db_pool"]), []).append(unit["name"])
    for (size, db_pool), units in alike.items():
        name = units[0] if len(units) == 1 else f"{units[0]} … {units[-1]}"
        times = "" if len(units) == 1 else f"{len(units)} × "
        yield [f"sidekiq {name}", "", str(db_pool * len(units)), times + size]


def _data(host: Mapping[str, Any]) -> Iterable[list[str]]:
    if "postgres" in host:
        postgres = host["postgres"]
        clients = ", ".join(client["host"] for client in postgres["clients"])
        size = f"for {clients}" if len(postgres["clients"]) <= 8 else f"for {len(postgres['clients'])} hosts"
        yield ["postgres", _everywhere(postgres["listen_addresses"], postgres["port"]), "", size]
    for redis in host.get("redis", ()):
        size = f"{redis['policy']}, {'journal' if redis['appendonly'] else 'no journal'}"
        size += f", {redis['maxmemory_mb']} MB" if redis["maxmemory_mb"] else ""
        size += f"; serves {', '.join(redis['serves'])}" if len(redis["serves"]) > 1 else ""
        yield [f"redis {redis['name']}", _everywhere(redis["bind"], redis["port"]), "", size]
    if "minio" in host:
        yield ["minio", f"{host['minio']['address']}:{host['minio']['port']}", "", f"bucket {host['minio']['bucket']}"]


def _middle(host: Mapping[str, Any]) -> Iterable[list[str]]:
    if "pgbouncer" in host:
        bouncer = host["pgbouncer"]
        pools = " + ".join(f"{pool['pool_size']} + {pool['reserve']}" for pool in bouncer["pools"])
        size = f"to {_end(bouncer['server'])}; pool {pools}, up to {bouncer['max_client_conn']} clients"
        yield ["pgbouncer", f"{bouncer['listen_address']}:{bouncer['port']}", "", size]
    for listener in host.get("relay", {}).get("listeners", ()):
        where = f"{listener['address']}:{listener['port']}"
        yield [f"relay {listener['name']}", where, "", f"to {_end(listener['server'])}"]


def _everywhere(addresses: Sequence[str], port: int) -> str:
    return f"{addresses[-1]}:{port}"


def _end(server: Mapping[str, Any]) -> str:
    return f"{server['host']}:{server['port']}"


def _memory(megabytes: int | None) -> str:
    return "?" if megabytes is None else f"{megabytes / 1024:.1f} GB"


def _title(title: str) -> list[str]:
    return [title, "-" * min(WIDTH, max(len(title), 20))]


def _wrapped(first: str, body: str, rest: str | None = None) -> list[str]:
    follow = " " * len(first) if rest is None else rest
    lines = textwrap.wrap(body, WIDTH, initial_indent=first, subsequent_indent=follow, break_on_hyphens=False)
    return [line.replace(HARD, " ") for line in lines] or [first.rstrip()]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Columns as wide as they need; the last one wraps."""
    body = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in body) for column in range(len(header) - 1)]
    lines = []
    for row in body:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines += _wrapped("  " + "  ".join(cells) + "  ", row[-1])
    return [line.rstrip() for line in lines]
