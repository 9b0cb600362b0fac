"""What a tunnel that carries traffic loses when a host joins, and when a host's key is replaced.

`python3 -m benchmarks.tunnel [--repeat N] [--only WHAT] [--rate N]` builds a mesh of hosts from namespaces (a hub, a
second host that can be dialled, one behind NAT), with the modules that the role runs, preshared keys included. Between
the hub and each of the others run numbered messages of 200 bytes, by UDP and by TCP, each way at the rate. Then, each
so many times:

    join    a fourth host joins; the modules run on all four
    spoke   the key of the host behind NAT is replaced
    hub     the key of the hub is replaced
    nobody  nothing happens: what this machine loses by itself
    naive   the key of the host behind NAT is replaced by wireguard_mesh on one host after the other, as a control

Printed and written to docs/benchmarks/tunnel.md and .json: UDP messages lost, TCP retransmits, the longest gaps. 1 when
a bar is missed: no message lost, and in a join no retransmit. While a key is replaced packets wait for some 50 ms,
after which TCP may send again what was not lost. What is left out by --only stays as the last run measured it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .netns import ROOT, Host, Internet

STREAMS = Path(__file__).with_name("streams.py")
COLLECTION = "ansible_collections.fediverse.mastodon.plugins.module_utils"
NETWORK = {"networks": ["10.66.0.0/24"]}
HOSTS: dict[str, dict[str, Any]] = {
    "main": {"address": "10.66.0.1", "endpoint": "198.18.0.1", "hub": True},
    "db": {"address": "10.66.0.2", "endpoint": "198.18.0.2"},
    "home": {"address": "10.66.0.3"},
}
NEWCOMER = {"late": {"address": "10.66.0.4", "endpoint": "198.18.0.4"}}
# Seconds of traffic before and after what is measured.
BEFORE, AFTER = 1.5, 2.5
BARRED = ("join", "spoke", "hub")
TITLES = {
    "join": "a fourth host joins",
    "spoke": "key of the host behind NAT replaced",
    "hub": "key of the hub replaced",
    "naive": "control: the same key replaced host by host",
    "nobody": "control: nothing happens",
}


class Mesh:
    """The running tunnel."""

    def __init__(self, net: Internet) -> None:
        self.net = net
        self.hosts: dict[str, Host] = {}
        self.settings: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.seed = importlib.import_module(f"{COLLECTION}._wire.model").Secret(secrets.token_hex(32))
        self.pair_key = importlib.import_module(f"{COLLECTION}._wire.psk").pair_key
        self.join(HOSTS)

    def preshared(self, name: str, own: str) -> dict[str, str]:
        """The preshared keys of one host with that key of its own."""
        others = {other: key for other, key in self.keys.items() if other != name}
        return {key: self.pair_key(self.seed, "wg0", own, key).reveal() for key in others.values()}

    def join(self, newcomers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """They join: their keys, then the mesh on everybody at once."""
        for name, settings in newcomers.items():
            number = int(settings["address"].rsplit(".", 1)[1])
            self.hosts[name] = self.net.host(name, number, nat="endpoint" not in settings)
            self.settings[name] = settings
            self.keys[name] = self.hosts[name].call("wireguard_key")["public_key"]
        return self.run(list(self.hosts))

    def run(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """The mesh on these hosts at once, with the keys as they are known."""
        running = {
            name: self.hosts[name].start(
                "wireguard_mesh",
                {
                    "name": name,
                    "network": NETWORK,
                    "hosts": self.settings,
                    "public_keys": self.keys,
                    "preshared_keys": self.preshared(name, self.keys[name]),
                    "allow_disruption": True,
                },
            )
            for name in names
        }
        return {name: self.hosts[name].answer(process) for name, process in running.items()}

    def leave(self, name: str) -> None:
        """The host is gone from everybody."""
        gone = {"name": name, "public_keys": [self.keys.pop(name)]}
        self.hosts.pop(name).close()
        for one in (name, f"{name}-gw"):
            self.net.hosts.pop(one, None)
        self.settings = {one: settings for one, settings in self.settings.items() if one != name}
        for host in self.hosts:
            self.hosts[host].call(
                "wireguard_mesh",
                name=host,
                network=NETWORK,
                hosts=self.settings,
                public_keys=self.keys,
                preshared_keys=self.preshared(host, self.keys[host]),
                removed=[gone],
            )

    def rotate(self, name: str) -> dict[str, Any]:
        """As the playbook does it: the next key, the followers, the lead."""
        next_key = self.hosts[name].call("wireguard_key", state="next")["next_public_key"]
        run = secrets.token_hex(8)
        others = [other for other in self.hosts if other != name]
        preshared = self.preshared(name, next_key)
        followers = {
            other: self.hosts[other].start(
                "wireguard_rotation",
                {
                    "state": "follow",
                    "run": run,
                    "peer": name,
                    "peer_address": self.settings[name]["address"],
                    "next_key": next_key,
                    "preshared_key": preshared[self.keys[other]],
                    "timeout": 60,
                },
            )
            for other in others
        }
        answer = self.hosts[name].call(
            "wireguard_rotation",
            state="lead",
            run=run,
            peers={other: self.settings[other]["address"] for other in others},
            preshared_keys=preshared,
        )
        for other, process in followers.items():
            moved = self.hosts[other].answer(process)
            assert moved["moved"], f"{other} did not move to the next key of {name}"
        self.keys[name] = next_key
        again = self.run(list(self.hosts))
        left = {one: found["actions"] for one, found in again.items() if found["actions"]}
        assert not left, f"the next ordinary run found work: {left}"
        return answer

    def naive(self, name: str) -> None:
        """One host after the other."""
        host = self.hosts[name]
        host.call("wireguard_key", state="next")
        self.keys[name] = host.call("wireguard_key", state="promoted")["public_key"]
        for one in [name, *[other for other in self.hosts if other != name]]:
            self.run([one])
        host.call("wireguard_key", state="settled")


class Streams:
    """Traffic between the hub and everybody else, each way."""

    def __init__(self, mesh: Mesh, rate: float) -> None:
        self.pairs: list[tuple[str, subprocess.Popen[str], subprocess.Popen[str]]] = []
        found = []
        for number, other in enumerate(("db", "home")):
            for way, (sender, receiver) in enumerate((("main", other), (other, "main"))):
                address, port = HOSTS[receiver]["address"], str(9000 + number * 2 + way)
                there = mesh.hosts[receiver].begin(sys.executable, str(STREAMS), "receive", address, port)
                found.append((f"{sender} to {receiver}", sender, there, address, port))
        time.sleep(0.6)
        for label, sender, there, address, port in found:
            here = mesh.hosts[sender].begin(sys.executable, str(STREAMS), "send", address, port, str(rate))
            self.pairs.append((label, here, there))

    def end(self) -> dict[str, dict[str, Any]]:
        """What each stream lost."""
        sent = [_ended(one) for _, one, _ in self.pairs]
        time.sleep(0.5)
        found = {}
        for (label, _, there), out in zip(self.pairs, sent):
            came = _ended(there)
            found[label] = {
                "sent": out["sent"],
                "lost": out["sent"] - came["received"],
                "retransmits": out["tcp_retransmits"],
                "udp_gap_ms": came["udp_gap_ms"],
                "tcp_gap_ms": came["tcp_gap_ms"],
                "missing": came["missing"][:3],
            }
        return found


def _ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    process.terminate()
    text = process.communicate(timeout=30)[0]
    answer: dict[str, Any] = json.loads(text)
    return answer


def once(mesh: Mesh, what: str, rate: float) -> dict[str, Any]:
    """One trial: traffic, the act, traffic."""
    acts: dict[str, Callable[[], Any]] = {
        "join": lambda: mesh.join(NEWCOMER),
        "spoke": lambda: mesh.rotate("home"),
        "hub": lambda: mesh.rotate("main"),
        "naive": lambda: mesh.naive("home"),
        "nobody": lambda: time.sleep(3),
    }
    streams = Streams(mesh, rate)
    time.sleep(BEFORE)
    begin = time.monotonic()
    answer = acts[what]()
    seconds = time.monotonic() - begin
    time.sleep(AFTER)
    found = streams.end()
    if what == "join":
        started = [action for one in ("main", "db", "home") for action in answer[one]["actions"] if "start" in action]
        assert not started, f"an interface that was there was started again: {started}"
        mesh.leave("late")
    took = [one["took_ms"] for one in answer["peers"]] if what in ("spoke", "hub") else []
    return {
        "seconds": round(seconds, 2),
        "sent": sum(one["sent"] for one in found.values()),
        "lost": sum(one["lost"] for one in found.values()),
        "retransmits": sum(one["retransmits"] for one in found.values()),
        "udp_gap_ms": max(one["udp_gap_ms"] for one in found.values()),
        "tcp_gap_ms": max(one["tcp_gap_ms"] for one in found.values()),
        "took_ms": max(took, default=None),
        "streams": found,
    }


def table(results: dict[str, list[dict[str, Any]]], rate: float) -> str:
    """The table of the document."""
    lines = [
        "# Tunnels under traffic",
        "",
        f"Written by `make benchmark-tunnel`: four streams of {rate:.0f} messages a second by UDP, and as many by TCP, "
        "of 200 bytes, between a hub, a host that can be dialled, and one behind NAT; wireguard-go, two shared cores.",
        "",
        "While a key is replaced packets wait for some 50 ms; TCP may send again what was not lost. Retransmits of the "
        "control in which nothing happens are this machine's own: its load average at the end was "
        f"{os.getloadavg()[0]:.0f}, with other work beside the measurement if that is over 2.",
        "",
        "| what | trials | UDP messages sent | lost, each trial | TCP retransmits | longest gap UDP / TCP, median | "
        "longest of all |",
        "|---|---|---|---|---|---|---|",
    ]
    for what, rounds in results.items():
        udp, tcp = ([one[kind] for one in rounds] for kind in ("udp_gap_ms", "tcp_gap_ms"))
        lines.append(
            f"| {TITLES[what]} | {len(rounds)} | {sum(one['sent'] for one in rounds)} |"
            f" {', '.join(str(one['lost']) for one in rounds)} |"
            f" {', '.join(str(one['retransmits']) for one in rounds)} |"
            f" {statistics.median(udp):.0f} / {statistics.median(tcp):.0f} ms | {max(udp):.0f} / {max(tcp):.0f} ms |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, write. 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--only", nargs="*", default=["nobody", "join", "spoke", "hub", "naive"])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks" / "tunnel")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / ".collections"))
    results: dict[str, list[dict[str, Any]]] = {}
    with Internet() as net:
        mesh = Mesh(net)
        for what in options.only:
            for number in range(1 if what == "naive" else options.repeat):
                found = once(mesh, what, options.rate)
                results.setdefault(what, []).append(found)
                print(
                    f"{what} {number + 1}: {found['lost']} of {found['sent']} lost, {found['retransmits']} retransmits,"
                    f" longest gap UDP {found['udp_gap_ms']:.0f} ms, TCP {found['tcp_gap_ms']:.0f} ms,"
                    f" new session after {found['took_ms']} ms, {found['seconds']} s",
                    flush=True,
                )
                for label, one in found["streams"].items():
                    if one["lost"] or one["retransmits"]:
                        print(f"    {label}: {one}", flush=True)
    record_file = options.out.with_suffix(".json")
    before = json.loads(record_file.read_text()) if record_file.exists() else {}
    kept = before.get("results", {}) if before.get("rate") == options.rate else {}
    told = {what: results.get(what) or kept.get(what) for what in TITLES}
    shown = {what: rounds for what, rounds in told.items() if rounds}
    text = table(shown, options.rate)
    print(text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.with_suffix(".md").write_text(text)
    record = {"rate": options.rate, "machine": platform.machine(), "results": shown}
    record_file.write_text(json.dumps(record, indent=2) + "\n")
    missed = [
        what
        for what in results
        if what in BARRED and any(one["lost"] or (what == "join" and one["retransmits"]) for one in results[what])
    ]
    if missed:
        print(f"bar missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
