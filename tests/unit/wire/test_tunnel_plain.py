"""How a host can run WireGuard, and links of a network that somebody else runs: decided from what commands answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Output
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import backend, plain_links

TOOLS = ("ip", "wg", "wireguard-go", "modprobe")


class Commands:
    """In place of Shell: answers by the beginning of a command."""

    def __init__(self, **answers: Output) -> None:
        self.answers, self.calls = answers, []

    def run(self, argv: Sequence[str], **_options: Any) -> Output:
        self.calls.append(" ".join(argv))
        return next((self.answers[word] for word in argv if word in self.answers), Output(0, "", ""))


def installed(*tools: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in tools else None


@pytest.mark.parametrize(
    ("tools", "answer", "kind", "missing"),
    [
        (TOOLS, Output(0, "", ""), "kernel", ()),
        (("ip",), Output(0, "", ""), "kernel", ("wireguard-tools",)),
        (("ip",), Output(2, "", "Unknown device type."), "userspace", ("wireguard-tools", "wireguard-go")),
        (TOOLS, Output(2, "", "Unknown device type."), "userspace", ()),
        # Left by a run that was killed between the two commands.
        (TOOLS, Output(2, "", "RTNETLINK answers: File exists"), "kernel", ()),
    ],
)
def test_the_kernel_is_asked_and_not_believed(
    monkeypatch: pytest.MonkeyPatch, tools: tuple[str, ...], answer: Output, kind: str, missing: tuple[str, ...]
) -> None:
    monkeypatch.setattr(shutil, "which", installed(*tools))
    shell = Commands(add=answer)
    found = backend.find(shell, lambda path: True)  # type: ignore[arg-type]
    assert (found.kind, found.missing, found.notes) == (kind, missing, ())
    gone = f"ip link delete dev {backend.PROBE}" in shell.calls
    assert gone == (kind == "kernel")


def test_without_a_tun_device_the_host_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", installed(*TOOLS))
    found = backend.find(Commands(add=Output(2, "", "no")), lambda path: False)  # type: ignore[arg-type]
    assert "no /dev/net/tun" in found.notes[0]


def test_a_host_without_ip_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", installed("modprobe"))
    found = backend.find(Commands(modprobe=Output(1, "", "")), lambda path: True)  # type: ignore[arg-type]
    assert found.missing == ("wireguard-tools", "iproute2", "wireguard-go")


OWN = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "scope": "host"}]},
    {"ifname": "eth1", "addr_info": [{"local": "10.40.0.11"}, {"local": "fe80::1", "scope": "link"}]},
    {"ifname": "eth2", "addr_info": []},
]
PARTNERS = [{"name": "db", "address": "10.40.0.13"}, {"name": "far", "address": "10.40.0.14"}]


def look(address: str, pings: dict[str, int]) -> dict[str, Any]:
    """pings: the largest packet that comes back from an address."""
    route = Output(0, json.dumps([{"dst": "x", "dev": "eth1"}]), "")
    link = Output(0, json.dumps([{"mtu": 1500, "flags": ["UP"]}]), "")
    shell = Commands(address=Output(0, json.dumps(OWN), ""), route=route, link=link)

    def ping(targets: Sequence[str], size: int, timeout: float) -> dict[str, float]:
        return {text: 0.5 for text in targets if pings.get(text, -1) >= size}

    return plain_links.look(shell, address, PARTNERS, 0.0, ping)  # type: ignore[arg-type]


def test_the_interface_of_an_address_is_found() -> None:
    found = look("10.40.0.11", {"10.40.0.13": 1500, "10.40.0.14": 1500})
    assert found["device"] == "eth1" and found["addresses"] == {"lo": ["127.0.0.1"], "eth1": ["10.40.0.11"]}
    assert all(one["full_mtu"] and one["passes"] == 1500 and one["rtt_ms"] == 0.5 for one in found["links"])
    assert look("10.40.0.99", {})["device"] == ""


def test_silence_and_small_paths_are_measured_per_host() -> None:
    db, far = look("10.40.0.11", {"10.40.0.13": 1400})["links"]
    assert db["full_mtu"] is False and 1385 <= db["passes"] <= 1400 and db["mtu"] == 1500
    assert far["rtt_ms"] is None and far["full_mtu"] is None
