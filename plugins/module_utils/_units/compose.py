# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's instances to what the module `units` takes: environment files, the socket's address, the health check.

Variables that are read before Rails loads .env.production (Puma's and Sidekiq's size, the allocator's) work only from
the process environment. They are in these files and nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._join.instance import probe_queue, with_probe
from .model import SYSTEMD, UnitsError

ETC = "/etc/mastodon"
# What upstream's image sets: few arenas, and freed memory goes back to the system.
MALLOC_CONF = "narenas:2,background_thread:true,thp:never,dirty_decay_ms:1000,muzzy_decay_ms:0"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+=%-]*\Z")


def env_file(role: str, values: Mapping[str, Any]) -> str:
    """In systemd's EnvironmentFile syntax."""
    lines = [f"# Managed by fediverse.mastodon (role {role}); local changes are overwritten."]
    for name, raw in values.items():
        if not _NAME.match(name):
            raise UnitsError(f"{name!r} cannot name an environment variable")
        value = {True: "true", False: "false"}[raw] if isinstance(raw, bool) else str(raw)
        if not value.isprintable():
            raise UnitsError(
                f"environment variable {name}: line breaks and control characters cannot be passed to a unit"
            )
        if not _PLAIN.match(value):
            value = '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
        lines.append(f"{name}={value}")
    return "\n".join(lines) + "\n"


def in_url(address: str) -> str:
    """IPv6 needs brackets wherever a port follows."""
    bare = address.strip("[]")
    try:
        return f"[{bare}]" if ipaddress.ip_address(bare).version == 6 else bare
    except ValueError as error:
        raise UnitsError(f"{address!r} is no address; a process binds to one address, not to a name") from error


def _allocator(runtime: Mapping[str, Any]) -> dict[str, str]:
    if runtime.get("jemalloc"):
        return {"LD_PRELOAD": str(runtime["jemalloc"]), "MALLOC_CONF": MALLOC_CONF}
    return {"MALLOC_ARENA_MAX": "2"}


def _ruby(runtime: Mapping[str, Any]) -> dict[str, str]:
    yjit = {"RUBY_YJIT_ENABLE": "1"} if runtime.get("yjit") else {}
    return {"RAILS_ENV": "production", "NODE_ENV": "production", **_allocator(runtime), **yjit}


def _unique(instances: Sequence[Mapping[str, Any]], what: str, key: str) -> None:
    seen: dict[str, str] = {}
    for item in instances:
        value = str(item[key])
        if value in seen:
            raise UnitsError(f"{what} {seen[value]} and {item['name']} both have the {key} {value}; give each its own")
        seen[value] = str(item["name"])


def _unit(name: str, kind: str, role: str, environment: Mapping[str, Any]) -> dict[str, Any]:
    path = f"{ETC}/{kind}-{name}.env"
    return {"name": name, "files": [{"path": path, "content": env_file(role, environment), "mode": "0600"}]}


def web_units(
    instances: Sequence[Mapping[str, Any]], runtime: Mapping[str, Any], environment: Mapping[str, Any], host: str
) -> list[dict[str, Any]]:
    _unique(instances, "web instances", "port")
    units = []
    for item in instances:
        name, address, port = str(item["name"]), in_url(str(item["address"])), int(item["port"])
        unit = _unit(
            name,
            "web",
            "puma",
            {
                **_ruby(runtime),
                # Puma takes over the socket of systemd only where its own bind says the very same.
                "BIND": address,
                "PORT": port,
                "WEB_CONCURRENCY": item["workers"],
                "MAX_THREADS": item["threads"],
                "DB_POOL": item["db_pool"],
                **environment,
            },
        )
        unit["files"].append(
            {
                "path": f"{SYSTEMD}/mastodon-web@{name}.socket.d/address.conf",
                "content": "# Managed by fediverse.mastodon (role puma); local changes are overwritten.\n"
                f"[Socket]\nListenStream={address}:{port}\n",
            }
        )
        unit["health_url"] = f"http://{address}:{port}/health"
        unit["health_headers"] = {"Host": host, "X-Forwarded-Proto": "https"}
        unit["mapped"] = runtime.get("jemalloc") or None
        units.append(unit)
    return units


def streaming_units(
    instances: Sequence[Mapping[str, Any]], environment: Mapping[str, Any], host: str
) -> list[dict[str, Any]]:
    _unique(instances, "streaming instances", "port")
    units = []
    for item in instances:
        address, port = in_url(str(item["address"])), int(item["port"])
        unit = _unit(
            str(item["name"]),
            "streaming",
            "streaming",
            {"NODE_ENV": "production", "BIND": address, "PORT": port, "DB_POOL": item["db_pool"], **environment},
        )
        unit["health_url"] = f"http://{address}:{port}/api/v1/streaming/health"
        unit["health_headers"] = {"Host": host, "X-Forwarded-Proto": "https"}
        units.append(unit)
    return units


def sidekiq_units(
    instances: Sequence[Mapping[str, Any]],
    runtime: Mapping[str, Any],
    environment: Mapping[str, Any],
    timeout: int,
    worker: str = "",
) -> list[dict[str, Any]]:
    """`instances` as `queues.resolve` left them. worker: the host's name, which gives each a private queue."""
    units = []
    for item in instances:
        name = str(item["name"])
        pairs = [(str(queue), weight) for queue, weight in item["queues"]]
        if worker:
            pairs = with_probe(pairs, probe_queue(worker, name))
        queues = " ".join(f"-q {queue}" if weight is None else f"-q {queue},{weight}" for queue, weight in pairs)
        tag = f"{name}@{runtime.get('version') or 'unknown'}"
        unit = _unit(
            name,
            "sidekiq",
            "sidekiq_workers",
            {
                **_ruby(runtime),
                "DB_POOL": item["db_pool"],
                **({"MASTODON_BREAKER_POOL": "true"} if item.get("breaker_pool") else {}),
                "SIDEKIQ_ARGUMENTS": f"-c {int(item['threads'])} -t {timeout} -g {tag} {queues}",
                **environment,
            },
        )
        unit["state"] = "as_found" if item.get("on_demand") else "started"
        unit["mapped"] = runtime.get("jemalloc") or None
        units.append(unit)
    return units
