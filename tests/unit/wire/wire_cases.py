"""Inventories of tunnels in the shapes that the tests share, and a model of what the kernel keeps."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import Problems
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.checks import check_network, check_paths
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import (
    HostConfig,
    Network,
    Secret,
    Tombstone,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.observed import Live, LivePeer, Route
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import read_network
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.steps import Step
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.topology import Topology

NETWORKS = ["10.66.0.0/24"]


def key(name: str) -> str:
    """A public key in the right form, of nobody."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def host(number: int, *, nat: bool = False, **more: Any) -> dict[str, Any]:
    """A host with address 10.66.0.NUMBER, dialled at 192.0.2.NUMBER unless behind NAT."""
    where = {} if nat else {"endpoint": f"192.0.2.{number}"}
    return {"address": f"10.66.0.{number}", **where, **more}


def read(
    hosts: Mapping[str, dict[str, Any]],
    keys: Mapping[str, str] | None = None,
    tombstones: tuple[Tombstone, ...] = (),
    **settings: Any,
) -> tuple[Network, list[str]]:
    """The network and everything that is wrong with it, in words."""
    problems = Problems()
    known = {name: key(name) for name in hosts} if keys is None else keys
    network = read_network({"networks": NETWORKS, **settings}, hosts, problems, known, tombstones)
    check_network(network, problems)
    if not problems:
        check_paths(Topology(network), problems)
    return network, [str(one) for one in problems.all()]


def topology(hosts: Mapping[str, dict[str, Any]], **settings: Any) -> Topology:
    """Of an inventory without a fault."""
    network, found = read(hosts, **settings)
    assert not found, found
    return Topology(network)


def blocks(config: HostConfig) -> dict[str, tuple[str, str, int]]:
    """{peer: (AllowedIPs, endpoint, keepalive)}."""
    return {peer.name: (",".join(peer.allowed), peer.endpoint, peer.keepalive) for peer in config.peers}


@dataclass
class Kernel:
    """What `wg set` and `ip` change, as the kernel does it: an address moves to the peer that names it last."""

    key_of_file: Mapping[str, str] = field(default_factory=dict)
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    routes: set[str] = field(default_factory=set)
    key: str = ""
    port: int = 0
    mtu: int = 1420
    up: bool = True

    def run(self, step: Step) -> None:
        """One command. AssertionError for one that the kernel would refuse."""
        if step.argv[0] == "wg":
            self._wg(list(step.argv[3:]), step.stdin)
        elif step.argv[1] == "address":
            self._address(step.argv[2], step.argv[3])
        elif step.argv[2] == "route":
            verb, prefix = step.argv[3], step.argv[4]
            assert verb == "replace" or (prefix in self.routes) == (verb == "delete")
            self.routes = self.routes - {prefix} if verb == "delete" else self.routes | {prefix}
        elif step.argv[-2] == "mtu":
            self.mtu = int(step.argv[-1])
        else:
            assert step.argv[-1] == "up"
            self.up = True

    def _wg(self, words: list[str], stdin: Secret | None) -> None:
        peer: dict[str, Any] = {}
        while words:
            word = words.pop(0)
            if word == "private-key":
                self.key = self.key_of_file[words.pop(0)]
            elif word == "listen-port":
                self.port = int(words.pop(0))
            elif word == "peer":
                name = words.pop(0)
                if words and words[0] == "remove":
                    words.pop(0)
                    del self.peers[name]
                    continue
                peer = self.peers.setdefault(name, {"allowed": set(), "endpoint": "", "keepalive": 0, "psk": None})
            elif word == "allowed-ips":
                wanted = set(filter(None, words.pop(0).split(",")))
                for other in self.peers.values():
                    other["allowed"] -= wanted
                peer["allowed"] = wanted
            elif word == "endpoint":
                peer["endpoint"] = words.pop(0)
            elif word == "persistent-keepalive":
                peer["keepalive"] = int(words.pop(0))
            else:
                assert word == "preshared-key"
                path = words.pop(0)
                known = {"/dev/stdin": stdin, "/dev/null": None}
                peer["psk"] = known[path] if path in known else Secret(Path(path).read_text().strip())

    def _address(self, verb: str, text: str) -> None:
        if verb == "delete":
            # Without promote_secondaries the first address of a network takes the later ones with it.
            network = text.rsplit(".", 1)[0]
            alike = [one for one in self.addresses if one.rsplit(".", 1)[0] == network]
            gone = alike if alike[0] == text else [text]
            self.addresses = [one for one in self.addresses if one not in gone]
            if not self.addresses:
                self.routes = set()
        elif text not in self.addresses:
            self.addresses.append(text)
        else:
            assert verb == "replace"

    def live(self, handshake: int = 0) -> Live:
        """As the module would read it."""
        return Live(
            exists=True,
            up=self.up,
            public_key=self.key,
            port=self.port,
            mtu=self.mtu,
            peers=tuple(
                LivePeer(name, tuple(one["allowed"]), one["endpoint"], one["keepalive"], one["psk"], handshake)
                for name, one in self.peers.items()
            ),
            addresses=tuple(self.addresses),
            routes=tuple(Route(text, "wg0", protocol="static") for text in sorted(self.routes)),
            unit_active=True,
        )

    def owner(self, prefix: str) -> str:
        """Who has a prefix now; empty when nobody has."""
        return next((name for name, one in self.peers.items() if prefix in one["allowed"]), "")
