"""Each symptom has its own sentence: which host, what both ends saw, what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.handshakes import Course
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Path
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.words import (
    End,
    diagnose,
    left_behind,
    no_relay,
    refused,
)

PI = End(
    *("pi", "PIKEY678901", "MAINKEY8901", "192.0.2.1:51820", 51820, "10.66.0.2"),
    **{"handshake_age": 5, "ping": True, "listens": 51820, "filed": "PIKEY678901"},
)
MAIN = replace(
    PI, host="main", key="MAINKEY8901", filed="MAINKEY8901", expects="PIKEY678901", endpoint="", address="10.66.0.1"
)
DEAD = {"handshake_age": None, "ping": False, "sent": 888, "received": 0}
HALF = {"handshake_age": None, "ping": False, "sent": 0}


def met(*counts: int, port: int = 51820) -> dict[str, Any]:
    """A host that dialled in vain, and what became of its handshakes: as many as got so far on their way."""
    return {**DEAD, "course": Course(*counts, ports=(port,) if len(counts) > 1 and counts[1] else ())}


CASES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, ""),
    (
        met(2),
        HALF,
        "no answer from main at 192.0.2.1:51820: packets do not arrive (pi sent 2 handshakes, none reached main)."
        " Check the firewall/NAT for UDP 51820 on the way to main, or the endpoint.",
    ),
    (
        met(0),
        HALF,
        "pi sends nothing to main at 192.0.2.1:51820 (no handshake left it). Look at `ip route get 192.0.2.1` on pi,"
        " and at its firewall for outgoing UDP.",
    ),
    (
        met(2, 1),
        HALF,
        "main's own firewall drops what pi sends (1 of 2 handshakes reached main, none got past its firewall)."
        " Allow UDP 51820 in the input rules of main.",
    ),
    (
        met(1, 1, 1, port=51999),
        HALF,
        "what pi sends to 192.0.2.1:51820 arrives at UDP 51999 of main, and its tunnel listens at 51820."
        " Correct the endpoint or the forwarded port, and run the play for main.",
    ),
    (met(2, 2, 2), {**HALF, "listens": 0}, "wg0 of main is down: run the play for main."),
    (
        met(2, 2, 2, 2),
        HALF,
        "answers of main do not arrive (2 of 2 handshakes reached main, 2 answered, none came back to pi)."
        " Check the firewall/NAT for UDP 51820 on the way to pi.",
    ),
    (
        met(2, 2, 2, 2, 2),
        HALF,
        "pi's own firewall drops the answers of main (2 of 2 came back to pi, none got past its firewall)."
        " Allow answers, or UDP 51820, in the input rules of pi.",
    ),
    (
        met(2, 2, 2),
        {**HALF, "received": 296},
        "main takes the handshakes of pi, and no answer leaves it (2 of 2 handshakes arrived)."
        " Allow outgoing UDP from port 51820 on main.",
    ),
    (
        met(2, 2, 2),
        {**HALF, "expects": "OLDKEY78901"},
        "main receives but rejects (2 of 2 handshakes arrived, none answered): it has another key for pi"
        " (expects OLDKEY78…, got PIKEY678…). Run the play for main, so that it learns the new key.",
    ),
    (
        {**met(2, 2, 2), "expects": "OLDKEY78901"},
        HALF,
        "pi has another key for main (expects OLDKEY78…, is MAINKEY8…). Run the play for pi, so that it learns the new"
        " key.",
    ),
    (
        {**met(2, 2, 2), "key": "OLDKEY78901"},
        HALF,
        "pi runs with another key than that of its file (OLDKEY78…, not PIKEY678…), so nobody knows it."
        " Run the play for pi with wireguard_allow_disruption.",
    ),
    (
        {**met(2, 2, 2), "clock_behind": 412},
        HALF,
        "main receives but rejects (2 of 2 handshakes arrived, none answered): pi's clock went back (412 s"
        " behind): WireGuard drops handshakes with older timestamps. Set the clock of pi.",
    ),
    (
        met(2, 2, 2),
        HALF,
        "main receives but rejects (2 of 2 handshakes arrived, none answered): the keys agree and the clocks as well"
        " now; if pi's clock went back, main waits for the time it had."
        " Run `wg set wg0 peer PIKEY678901 remove` on main, then the play.",
    ),
    (
        met(2, 2, 2, 2, 2, 2),
        HALF,
        "main answers and pi rejects it (2 of 2 handshakes arrived, 2 answered): the keys agree, so the preshared key"
        " differs. Run the play for both, with one wireguard_preshared_seed and one epoch.",
    ),
    (
        DEAD,
        HALF,
        "no handshake between pi and main (pi sent 888 bytes, received 0). Check the firewall/NAT for"
        " UDP 51820 on main,"
        " then the preshared key.",
    ),
    (
        DEAD,
        {**HALF, "expects": "OLDKEY78901"},
        "main rejects pi: it has another key for pi (expects OLDKEY78…, got PIKEY678…). Run the play for main, so that"
        " it learns the new key.",
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
        {"ping": False, "sent": 252},
        {},
        "packets do not arrive any more: pi sent 252 bytes, main received none (the handshake is 5 s old, but 10.66.0.1"
        " does not answer pi). Check the firewall/NAT for UDP 51820 on main and on the way.",
    ),
    (
        {"ping": False, "sent": 252},
        {"received": 252},
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
    assert diagnose(replace(PI, handshake_age=181, course=Course(1)), MAIN).startswith("no answer from main")


def test_a_session_that_died_lately_is_told_by_the_handshakes_since() -> None:
    """The end that dialled is judged; a ping that fails while handshakes work has another cause."""
    both = replace(MAIN, endpoint="192.0.2.2:51820", ping=False, course=Course(2))
    quiet = replace(PI, ping=False, course=Course(0))
    assert diagnose(quiet, both).startswith("no answer from pi at 192.0.2.2:51820: packets do not arrive")
    good = replace(both, course=Course(1, 1, 1, 1, 1, 1, (51820,)), received=84)
    assert diagnose(replace(PI, ping=False), good).startswith("firewall on the tunnel interface of main")


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
