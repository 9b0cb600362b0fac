"""How long the tunnels' core takes to plan a network, to write a host's file, and to find what a host lacks.

`python3 -m benchmarks.wire [--hosts N] [--repeat N] [--json FILE]` plans networks of N hosts in three shapes: a mesh of
hosts that all can be dialled, a mesh in which every second host is behind NAT (three hubs relay), and hub and spoke.
For each it prints wall seconds, the median of the repeats: everything from the inventory's values to a path for every
pair and the blocks of every host; one host's file; and the `wg set` calls of one host, with nothing running yet and
with everything as it should be. Writes docs/benchmarks/wire.json. The bars are 2 s and 100 ms for 500 hosts.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = "ansible_collections.fediverse.mastodon.plugins.module_utils"
PLAN_BAR, FILE_BAR = 2.0, 0.1


def key(name: str) -> str:
    """A public key in the right form, of nobody."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def shapes(count: int) -> dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]]:
    """{shape: (settings, hosts)} for read_network."""

    def hosts(nat: Callable[[int], bool], hubs: int) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for number in range(count):
            octets = f"{number // 250}.{number % 250 + 1}"
            found[f"host{number:04}"] = {"address": f"10.66.{octets}", "hub": number < hubs}
            if number < hubs or not nat(number):
                found[f"host{number:04}"]["endpoint"] = f"198.18.{octets}"
        return found

    networks = {"networks": ["10.66.0.0/16"]}
    return {
        "mesh": (networks, hosts(lambda number: False, 0)),
        "mesh, every second host behind NAT": (networks, hosts(lambda number: number % 2 == 1, 3)),
        "hub and spoke": ({**networks, "topology": "hub_spoke"}, hosts(lambda number: True, 3)),
    }


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the result."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def measure(settings: dict[str, Any], hosts: dict[str, dict[str, Any]], core: Callable[[str], Any]) -> dict[str, float]:
    """One round of one shape. AssertionError for an inventory with a fault, which would measure something else."""
    read, checks, topology, conf = (core(part) for part in ("read", "checks", "topology", "conf"))
    model, files, observed, steps = (core(part) for part in ("model", "wgfile", "observed", "steps"))
    keys = {name: key(name) for name in hosts}
    last = max(hosts)

    def plan() -> Any:
        problems = importlib.import_module(f"{COLLECTION}._plan.problems").Problems()
        network = read.read_network(settings, hosts, problems, keys)
        checks.check_network(network, problems)
        found = topology.Topology(network)
        checks.check_paths(found, problems)
        assert not problems, problems.all()[:3]
        for name in hosts:
            found.peers(name)
        return found

    planned, found = seconds(plan)

    def write() -> Any:
        share = conf.complete(found.config(last), None).config
        return share, files.render(conf.wanted_file(share, model.Secret(key("private"))))

    written, (share, text) = seconds(write)

    def calls(live: Any) -> tuple[float, Any]:
        return seconds(lambda: steps.plan_steps(share, live, own_key="own", key_file="key"))

    first, _ = calls(observed.Live(exists=True, up=True, public_key="own", port=share.port))
    peers = tuple(
        observed.LivePeer(peer.public_key, peer.allowed, peer.endpoint, peer.keepalive) for peer in share.peers
    )
    again, nothing = calls(
        observed.Live(True, True, "own", share.port, peers=peers, addresses=share.addresses),
    )
    assert nothing == ()
    assert files.parse(text).host == last
    return {
        "plan_seconds": planned,
        "file_seconds": written,
        "first_steps_seconds": first,
        "no_steps_seconds": again,
        "file_bytes": len(text),
        "blocks": len(share.peers),
    }


def main() -> int:
    """Measure, print, write. 1 when a bar of 500 hosts is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "benchmarks" / "wire.json")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / ".collections"))

    def core(part: str) -> Any:
        return importlib.import_module(f"{COLLECTION}._wire.{part}")

    results: dict[str, dict[str, float]] = {}
    for shape, (settings, hosts) in shapes(options.hosts).items():
        rounds = [measure(settings, hosts, core) for _ in range(options.repeat)]
        results[shape] = {name: round(statistics.median(one[name] for one in rounds), 5) for name in rounds[0]}
        figures = results[shape]
        print(
            f"{options.hosts} hosts, {shape}: planned in {figures['plan_seconds']:.2f} s, file of one host in"
            f" {figures['file_seconds'] * 1000:.1f} ms ({figures['blocks']:.0f} blocks), its first steps in"
            f" {figures['first_steps_seconds'] * 1000:.1f} ms, no steps in {figures['no_steps_seconds'] * 1000:.1f} ms"
        )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "hosts": options.hosts,
        "repeat": options.repeat,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "bars": {"plan_seconds": PLAN_BAR, "file_seconds": FILE_BAR, "hosts": 500},
        "shapes": results,
    }
    options.json.write_text(json.dumps(record, indent=2) + "\n")
    missed = [
        shape
        for shape, figures in results.items()
        if figures["plan_seconds"] > PLAN_BAR or figures["file_seconds"] > FILE_BAR
    ]
    if missed and options.hosts <= 500:
        print(f"bar missed: {', '.join(missed)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
