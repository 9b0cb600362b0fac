"""Each symptom has its own sentence: which host, what both ends saw, what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Path
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.words import (
    End,
    diagnose,
    left_behind,
    no_relay,
    refused,
)

PI = End("pi", "PIKEY678901", "MAINKEY8901", "192.0.2.1:51820", 51820, "10.66.0.2", handshake_age=5, ping=True)
MAIN = End("main", "MAINKEY8901", "PIKEY678901", "", 51820, "10.66.0.1", handshake_age=5, ping=True)
DEAD = {"handshake_age": None, "ping": False, "sent": 888, "received": 0}
HALF = {"handshake_age": None, "ping": False, "sent": 0, "arrived": 6}

CASES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, ""),
    (
        DEAD,
        {**HALF, "arrived": 0},
        "no answer from main at 192.0.2.1:51820: packets do not arrive (pi sent 888 bytes, received 0; no datagram at"
        " main). Check the firewall/NAT for UDP 51820 on main, or the endpoint.",
    ),
    (
        DEAD,
        {**HALF, "expects": "OLDKEY78901"},
        "main receives but rejects (6 datagrams arrived, 0 bytes answered): it has another key for pi"
        " (expects OLDKEY78…,"
        " got PIKEY678…). Run the play for main, so that it learns the new key.",
    ),
    (
        {**DEAD, "expects": "OLDKEY78901"},
        HALF,
        "pi has another key for main (expects OLDKEY78…, is MAINKEY8…). Run the play for pi, so that it learns the new"
        " key.",
    ),
    (
        {**DEAD, "clock_behind": 412},
        HALF,
        "main receives but rejects (6 datagrams arrived, 0 bytes answered): pi's clock went back (412 s"
        " behind): WireGuard"
        " drops handshakes with older timestamps. Set the clock of pi.",
    ),
    (
        DEAD,
        HALF,
        "main receives but rejects (6 datagrams arrived, 0 bytes answered): the keys agree, so the"
        " preshared key differs."
        " Run the play for both, with one wireguard_preshared_seed and one epoch.",
    ),
    (
        DEAD,
        {**HALF, "arrived": None},
        "no handshake between pi and main (pi sent 888 bytes, received 0). Check the firewall/NAT for"
        " UDP 51820 on main,"
        " then the preshared key.",
    ),
    (DEAD, {**HALF, "expects": ""}, "main has no block for pi (PIKEY678…): run the play for main as well."),
    (
        {"full_mtu": False, "mtu": 1420, "passes": 1328},
        {},
        "path MTU too small from pi to main: 1328 bytes pass, tunnel uses 1420. Leave wireguard_mtu at"
        " auto, or set it to"
        " what passes.",
    ),
    (
        {"ping": False},
        {"allowed": False},
        "AllowedIPs: 10.66.0.2 of pi is not in main's table (the handshake is 5 s old, but 10.66.0.1"
        " does not answer pi)."
        " Run the play again.",
    ),
    (
        {"ping": False, "routed": False},
        {},
        "route: 10.66.0.1 of main does not leave pi by the tunnel (the handshake is 5 s old, but"
        " 10.66.0.1 does not answer"
        " pi). Look at `ip route get 10.66.0.1` on pi.",
    ),
    (
        {"ping": False},
        {},
        "firewall on the tunnel interface of main (the handshake is 5 s old, but 10.66.0.1 does not"
        " answer pi). Allow ICMP"
        " and the cluster's ports there.",
    ),
]


@pytest.mark.parametrize(("pi", "main", "sentence"), CASES)
def test_a_symptom_is_told_the_same_from_either_end(pi: dict[str, Any], main: dict[str, Any], sentence: str) -> None:
    one, other = replace(PI, **pi), replace(MAIN, **main)
    assert diagnose(one, other) == sentence
    assert diagnose(other, one) == sentence


def test_an_old_handshake_is_none() -> None:
    assert diagnose(replace(PI, handshake_age=180), MAIN) == ""
    assert diagnose(replace(PI, handshake_age=181, sent=1), replace(MAIN, arrived=0)).startswith("no answer from main")


def test_a_pair_without_a_path() -> None:
    path = Path("unreachable", reason="a and b are both behind NAT, and no host of the network is a hub")
    assert diagnose(PI, MAIN, path) == (
        "a and b are both behind NAT, and no host of the network is a hub: declare a hub (wireguard_hub) or a zone"
        " (wireguard_zone with wireguard_lan_endpoint)."
    )


def test_disruption_is_refused_with_its_price() -> None:
    said = refused(["listen port 51820 -> 51999"], "main", hub=True)
    assert said.startswith("listen port 51820 -> 51999: this re-creates the socket or the interface on hub main: idle")
    assert "up to 2 min" in said and "wireguard_allow_disruption" in said


def test_who_still_accepts_a_removed_host() -> None:
    assert left_behind("old", 3, ["x"]) == (
        "old revoked on 3 of 4 hosts; x was not reached and still accepts it. Run the play for x when reachable."
    )
    assert "y, z were not reached and still accept it" in left_behind("old", 2, ["z", "y"])


def test_what_keeps_a_hub_from_relaying() -> None:
    assert no_relay("main", forwarding=True, redirects=False, forward_allowed=True) == ()
    found = no_relay("main", forwarding=False, redirects=True, forward_allowed=False)
    assert len(found) == 3 and all(text.startswith("main") for text in found)
