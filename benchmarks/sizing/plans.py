# GPL-3.0-or-later (see LICENSE)
"""The plan's own configuration: asked of the collection, or read from a file."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .model import CLAIM_MB, MIXES, Configuration, Limits, Place, Process

ROOT = Path(__file__).resolve().parents[2]
WORKER, SERVERS = "worker", "servers"


def inventory(
    place: Place, mix: str, limits: Limits, answer_ms: float, slow_share: float, breaker_pool: bool = True
) -> dict[str, Any]:
    """A host of these limits that does the mix's queues, so far from a host with everything else.

    The jobs are the benchmark's: no look-ups elsewhere while a post comes in, inboxes that answer after answer_ms, and
    as many dead ones as it has.
    """
    queues = list(MIXES[mix])
    profile = {
        "default": {"cpu_ms": 3.8, "sql": 11, "redis": 5},
        "ingress": {"wait_ms": 0},
        "push": {"wait_ms": answer_ms},
    }
    servers: dict[str, Any] = {"mastodon_address": "192.0.2.1", "mastodon_cpus": 4, "mastodon_memory_mb": 16384}
    worker = {
        "mastodon_address": "192.0.2.2",
        "mastodon_cpus": limits.cores,
        "mastodon_memory_mb": limits.memory_mb,
        "mastodon_db_rtt_ms": place.rtt_ms,
        "mastodon_redis_rtt_ms": place.rtt_ms,
        "mastodon_sidekiq_queues": queues,
    }
    groups = ("postgres", "redis", "puma", "streaming", "nginx")
    return {
        "mastodon": {
            "vars": {
                "mastodon_domain": "social.example.org",
                "mastodon_admin_email": "admin@example.org",
                "mastodon_job_profile": profile,
                "mastodon_slow_share": slow_share,
                "mastodon_breaker_pool": breaker_pool,
            },
            "children": {
                **{group: {"hosts": {SERVERS: servers if group == groups[0] else None}} for group in groups},
                "sidekiq_workers": {"hosts": {SERVERS: None, WORKER: worker}},
            },
        }
    }


def ask(
    place: Place,
    mix: str,
    limits: Limits,
    answer_ms: float,
    slow_share: float,
    folder: Path,
    breaker_pool: bool = True,
) -> dict[str, Any]:
    """The plan for that host, by the playbook that an administrator runs."""
    source, target = folder / f"{place.name}-{mix}.yml", folder / f"{place.name}-{mix}.json"
    source.write_text(
        yaml.safe_dump(inventory(place, mix, limits, answer_ms, slow_share, breaker_pool), sort_keys=False)
    )
    call = ["ansible-playbook", "playbooks/plan.yml", "-i", str(source), "-e", f"mastodon_plan_file={target}"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CACHE_PLUGIN": "memory"}
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"no plan for {place.name}, {mix}: {done.stdout[-1500:]}")
    return dict(json.loads(target.read_text()))


def worker_of(plan: Mapping[str, Any]) -> str:
    """The host whose workers are meant: the one called `worker`, else the one with most threads."""
    hosts = {name: host for name, host in plan["hosts"].items() if host.get("sidekiq_workers")}
    if not hosts:
        raise ValueError("the plan has no host with Sidekiq processes")
    if WORKER in hosts:
        return WORKER
    return max(hosts, key=lambda name: sum(unit["threads"] for unit in hosts[name]["sidekiq_workers"]))


def units_of(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its units that always run, without the timers' queue, which is not measured."""
    units = []
    for unit in plan["hosts"][worker_of(plan)]["sidekiq_workers"]:
        queues = [queue for queue in unit["queues"] if queue[0] != "scheduler"]
        if queues and not unit.get("on_demand"):
            units.append({**unit, "queues": queues})
    return units


def configuration(
    plan: Mapping[str, Any], mixes: tuple[str, ...] = (), name: str = "the plan", kind: str = "plan"
) -> Configuration:
    """What to start for it; measured on these mixes, the ones that it was made for."""
    host, units = plan["hosts"][worker_of(plan)], units_of(plan)
    processes = tuple(
        Process(
            tuple((queue, weight) for queue, weight in unit["queues"]),
            unit["threads"],
            bool(unit.get("breaker_pool")),
        )
        for unit in units
    )
    claim = host.get("memory_mb", {}).get("claims", {}).get("sidekiq_workers")
    # The plan may claim for the timers' process too; that one is not started.
    each = claim / len(host["sidekiq_workers"]) if claim else CLAIM_MB
    return Configuration(name, kind, processes, round(each * len(processes)), mixes)
