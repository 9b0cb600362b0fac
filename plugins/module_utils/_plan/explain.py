# GPL-3.0-or-later (see LICENSE)
"""The plan as text for a terminal of 100 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .why import EVERY

WIDTH = 100
HARD = "\N{NO-BREAK SPACE}"  # where a line must not end; an ordinary space once lines are made
BOUND = re.compile(r"hosts\.(?P<host>.+)\.(?:sidekiq_workers\[(?P<kind>[^]]+)\]\.processes|puma\.workers)")
Plan = Mapping[str, Any]


def text(plan: Plan, why: bool = False) -> list[str]:
    """Cluster first, then each host, then what to know."""
    lines = ["", *_cluster(plan), *network_lines(plan), *_ledger(plan), *_forecast(plan)]
    binding = _bindings(plan)
    for host in plan["hosts"].values():
        lines += ["", *_host(host, binding.get(host["name"], ()))]
    if plan["warnings"]:
        lines += ["", *title("To know")]
        for warning in plan["warnings"]:
            lines += wrapped("  - ", warning)
    if why:
        lines += ["", *title("Why")]
        for reason in plan["why"]:
            given = (
                "" if reason["path"].startswith(EVERY) and reason["value"] is None else f" = {_shown(reason['value'])}"
            )
            lines += wrapped("  ", f"{reason['path']}{given}: {_sentence(reason)}", "      ")
    return [*lines, ""]


def _shown(value: Any) -> str:
    return ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)


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
    lines = title(f"https://{cluster['web_domain']}")
    lines += wrapped("  accounts    ", f"@…@{cluster['domain']}, first admin {cluster['admin']['username']}")
    lines += wrapped("  Mastodon    ", f"{cluster['version']} from {cluster['source']}")
    lines += wrapped("  media       ", media)
    lines += wrapped("  TLS         ", cluster["tls"])
    lines += wrapped("  built on    ", build or "nowhere: a finished release is unpacked")
    lines += wrapped("  migrates    ", cluster["migrate_host"])
    lines += wrapped("  scheduler   ", f"{cluster['scheduler_host']}, the only one")
    rows = [
        [
            host["name"],
            host["address"],
            str(host["cores"]),
            memory_gb(host["memory_mb"]["total"]),
            memory_gb(sum(host["memory_mb"]["claims"].values())),
            ", ".join(host["groups"]),
        ]
        for host in plan["hosts"].values()
    ]
    return [*lines, "", *table(["host", "address", "cores", "memory", "claimed", "groups"], rows, right=(2, 3, 4))]


def network_lines(plan: Plan) -> list[str]:
    """The cluster's network, if it is more than declared addresses; of tunnels every host and what is not direct."""
    network = plan["network"]
    if network["kind"] == "existing":
        where = {host["network"]["interface"] or "" for host in plan["hosts"].values()}
        return ["", *wrapped("  network     ", f"existing, on {', '.join(sorted(where))}; verified, not managed")]
    if network["kind"] != "wireguard":
        return []
    from .._wire.table import plan_rows

    head, rows = plan_rows(network["settings"], network["hosts"])
    lines = ["", *wrapped("  tunnels     ", head), ""]
    lines += table(["host", "address", "dialled at", "part", "direct", "relayed", "none", "routes"], rows, (4, 5, 6))
    pairs = [f"{one['one']}\u2013{one['other']} through {one['hub']}" for one in network["relayed"]]
    pairs += [f"{one['one']}\u2013{one['other']} not at all" for one in network["unreachable"]]
    rest = network["counts"]["relayed"] + network["counts"]["unreachable"] - len(pairs)
    if pairs:
        more = f", and {rest} more pairs" if rest else ""
        lines += wrapped("  not direct  ", ", ".join(pair.replace(" ", HARD) for pair in pairs) + more)
    return lines


def _ledger(plan: Plan) -> list[str]:
    ledger = plan["ledger"]
    parts = [ledger[key] for key in ("server_pool", "reserve", "direct", "reserved")]
    needed, most = sum(parts), ledger["max_connections"]
    if not ledger["server_pool"]:
        text = f"{ledger['clients']} are possible, without a pooler; PostgreSQL allows {most}."
    else:
        text = (
            f"{needed} of {most} that PostgreSQL allows: pools {parts[0]}, their reserves {parts[1]}, past the poolers"
            f" {parts[2]}, reserved {parts[3]}; {most - needed} free. {ledger['clients']} clients share the pools."
        )
    return ["", *wrapped("  connections ", text)]


def _forecast(plan: Plan) -> list[str]:
    forecast = plan["forecast"]
    rows = [
        [queue, f"{forecast['jobs_per_second'][queue]:g}", f"{forecast['expected'][queue]:g}"]
        for queue in forecast["jobs_per_second"]
        if queue not in ("scheduler", "fasp")
    ]
    back = forecast["recovery_after_one_hour_s"]
    recovery = "never caught up" if back is None else f"caught up {duration(back)} later"
    lines = ["", *table(["queue", "jobs/s at 70 %", "expected/s", ""], [[*row, ""] for row in rows], right=(1, 2))]
    survived = f"{forecast['slow_share_survived']:.1%}"
    lines += wrapped("  deliveries  ", f"keep up while {survived} of them meet a dead server")
    lines += wrapped("  an outage   ", f"of an hour is {recovery}, at the expected load")
    lines += wrapped("  next limit  ", forecast["binding"])
    if "backlog" in forecast:
        lines += ["", *wrapped("  backlog     ", forecast["backlog"].get("sentence", ""))]
        for name, queue in forecast["backlog"].get("queues", {}).items():
            lines += wrapped(f"  {name:12}", queue["sentence"])
            if "deadline" in queue:
                lines += wrapped("              ", queue["deadline"]["sentence"])
    return lines


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bindings(plan: Plan) -> dict[str, list[str]]:
    """Per host: what binds, from the reasons."""
    found: dict[str, list[str]] = {}
    for reason in plan["why"]:
        match = BOUND.fullmatch(reason["path"])
        if match and reason["binding"]:
            what = match["kind"] or "puma"
            found.setdefault(match["host"], []).append(
                f"{reason['value']}"
                f" {what}{'' if reason['value'] == 1 else ' processes' if match['kind'] else ' workers'}:"
                f" {reason['binding']}"
            )
    return found


def _host(host: Mapping[str, Any], binding: Sequence[str]) -> list[str]:
    memory = host["memory_mb"]
    facts = [host["address"], host["architecture"], f"{host['cores']} cores", memory_gb(memory["total"])]
    claims = sorted(memory["claims"].items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{name}{HARD}{size}" for name, size in claims)
    text = f"{listed} MB; the system keeps {memory['reserve']}, {memory['free']} are free"
    lines = [*title(f"{host['name']}  ({', '.join(facts)})"), *wrapped("  memory  ", text)]
    for index, bound in enumerate(binding):
        lines += wrapped("          " if index else "  binds   ", bound)
    rows = [row for part in (_web, _sidekiq, _data, _middle) for row in part(host)]
    return [*lines, "", *table(["process", "listens on", "conn.", "size"], rows, right=(2,))]


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
        size = f"{unit['threads']} threads: {queue_list(unit['queues'])}" + (
            " (on demand)" if unit["on_demand"] else ""
        )
        size += ", breaker pool" if unit["breaker_pool"] else ""
        size += f"; {_capacity(unit)}"
        alike.setdefault((size, unit["db_pool"]), []).append(unit["name"])
    for (size, db_pool), units in alike.items():
        name = units[0] if len(units) == 1 else f"{units[0]} … {units[-1]}"
        times = "" if len(units) == 1 else f"{len(units)} × "
        yield [f"sidekiq {name}", "", str(db_pool * len(units)), times + size]


def queue_list(queues: Iterable[Sequence[Any]]) -> str:
    """Queues and their weights."""
    return ", ".join(name if weight is None else f"{name}{HARD}{weight}" for name, weight in queues)


def _capacity(unit: Mapping[str, Any]) -> str:
    """Of its first queue: jobs per second, and what binds."""
    queue = unit["queues"][0][0]
    return f"{unit['capacity'][queue]:g}{HARD}{queue}/s ({unit['binding']})"


def _data(host: Mapping[str, Any]) -> Iterable[list[str]]:
    if "postgres" in host:
        postgres = host["postgres"]
        clients = ", ".join(client["host"] for client in postgres["clients"])
        size = f"for {clients}" if len(postgres["clients"]) <= 8 else f"for {len(postgres['clients'])} hosts"
        size += f"; {memory_gb(postgres['memory_mb'])}, shared_buffers {postgres['settings']['shared_buffers']}"
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


def memory_gb(megabytes: int) -> str:
    """Megabytes for a person."""
    return f"{megabytes / 1024:.1f} GB"


def title(text: str) -> list[str]:
    """A heading."""
    return [text, "-" * min(WIDTH, max(len(text), 20))]


def wrapped(first: str, body: str, rest: str | None = None) -> list[str]:
    """A paragraph behind its label."""
    follow = " " * len(first) if rest is None else rest
    lines = textwrap.wrap(body, WIDTH, initial_indent=first, subsequent_indent=follow, break_on_hyphens=False)
    return [line.replace(HARD, " ") for line in lines] or [first.rstrip()]


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Columns as wide as they need; the last one wraps."""
    body = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[column]) for row in body) for column in range(len(header) - 1)]
    lines = []
    for row in body:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines += wrapped("  " + "  ".join(cells) + "  ", row[-1])
    return [line.rstrip() for line in lines]
