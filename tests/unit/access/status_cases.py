"""A cluster in good health, as its hosts and services describe it; tests break one thing each."""

from __future__ import annotations

import copy
import json
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import expect

from tests.conftest import ROOT


def plan(name: str = "chaos_social") -> dict[str, Any]:
    """A published installation's plan."""
    found: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / f"{name}.json").read_text())
    return found


def healthy(told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What all hosts and one of the shared services say."""
    hosts: dict[str, Any] = {}
    processes = []
    for number, (name, share) in enumerate(told["hosts"].items(), 1):
        units = {
            unit.replace("*", "17-main"): {
                "active": True,
                "state": "active",
                "pid": 1000 * number + index,
                "wanted": True,
            }
            for index, unit in enumerate(expect.units(share))
        }
        hosts[name] = {
            "hostname": name,
            "units": units,
            "cores": share["cores"],
            "load": 0.5,
            "memory_free_percent": 40,
            "disks": [{"path": "/", "free_percent": 60, "free_mb": 50000}],
            "release": told["cluster"]["version"],
            "tunnels": [{"interface": "wg0", "peer": "hub", "handshake_age_s": 20, "keepalive": True}],
            "pooler": {"clients": 20, "waiting": 0, "servers": 4, "longest_wait_s": 0}
            if "pgbouncer" in share
            else None,
        }
        for worker in share.get("sidekiq_workers", ()):
            unit = units.get(f"mastodon-sidekiq@{worker['name']}.service")
            if unit:
                processes.append(
                    {
                        "identity": f"{name}:{unit['pid']}:abcdef012345",
                        "hostname": name,
                        "pid": unit["pid"],
                        "tag": f"{worker['name']}@v4.6.5",
                        "queues": [queue for queue, _ in worker["queues"]],
                        "threads": worker["threads"],
                        "busy": 1,
                        "quiet": False,
                        "beat_age_s": 4.0,
                        "rtt_ms": 0.3,
                        "memory_mb": 320,
                    }
                )
    redis = {
        "name": "sidekiq",
        "version": "8.0.2",
        "role": "master",
        "policy": "noeviction",
        "memory_mb": 120,
        "memory_limit_mb": 1024,
        "clients": 60,
        "clients_limit": 10000,
        "loading": False,
        "log_written": True,
        "users": [],
    }
    data = {
        "redis": [redis],
        "errors": [],
        "processes": processes,
        "stale": [],
        "jobs": {"retry": 12, "scheduled": 3, "dead": 0, "last_minute": {"done": 41.5, "failed": 0.1}},
        "queues": {queue: {"size": 3, "latency_s": 0.2, "growth_per_s": 0.0} for queue in told["cluster"]["queues"]},
        "database": {
            "version": "17.12 (Debian 17.12-1)",
            "connections_limit": told["ledger"]["max_connections"],
            "reserved": 3,
            "recovering": False,
            "migration": "20260901120000",
            "connections": 30,
            "by_role": {"mastodon": 29, "mastodon_pi1": 1},
            "workers": {},
        },
    }
    return copy.deepcopy(hosts), copy.deepcopy(data)
