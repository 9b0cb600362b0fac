"""Every link is broken, each in another way: what one proof says of each, and that it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tunnel.mesh import Mesh

PROVE = Path(__file__).parent / "prove.yml"

# {what: (on which host, what is done, what is said)}. A block that is made anew ends the session, which would otherwise
# outlive the change.
BROKEN = {
    "another preshared key": (
        "main",
        "wg set wg0 peer {home1} remove; wg genpsk > /run/psk;"
        " wg set wg0 peer {home1} preshared-key /run/psk allowed-ips {inner_home1}/32; rm /run/psk",
        r"main answers and home1 rejects it \(\d of \d handshakes arrived, \d answered\): the keys agree, so the"
        r" preshared key differs",
    ),
    "another public key": (
        "db",
        "wg set wg0 peer {home1} remove; wg set wg0 peer $(wg genkey | wg pubkey) allowed-ips {inner_home1}/32",
        r"db receives but rejects \(\d of \d handshakes arrived, none answered\): it has another key for home1"
        r" \(expects \S+…, got {short_home1}…\)\. Run the play for db",
    ),
    "a firewall of the host": (
        "db",
        "nft add table inet broken; nft add chain inet broken input '{{ type filter hook input priority 0; }}';"
        " nft add rule inet broken input ip saddr {outer_main} udp dport 51820 drop",
        r"db's own firewall drops the answers of main \(\d of \d came back to db, none got past its firewall\)\."
        r" Allow answers, or UDP 51820, in the input rules of db",
    ),
    "a router on the way": (
        "attic",
        "cut",
        r"no answer from main at {outer_main}:51820: packets do not arrive"
        r" \(home2 sent \d handshakes?, none reached main\)",
    ),
    "the same router on the way to another host": (
        "attic",
        "",
        r"no answer from db at {outer_db}:51820: packets do not arrive"
        r" \(home2 sent \d handshakes?, none reached db\)",
    ),
}


@pytest.fixture(scope="module")
def names(net: Mesh) -> dict[str, str]:
    """Keys by host, and where it is inside and outside of the tunnel."""
    keys = {name: net.key(name) for name in net.hosts}
    outer = {f"outer_{name}": told["ansible_host"] for name, told in net.variables.items()}
    inner = {f"inner_{name}": address for name, address in net.addresses.items()}
    return {**keys, **outer, **inner, **{f"short_{name}": key[:8] for name, key in keys.items()}}


@pytest.fixture
def broken(net: Mesh, names: dict[str, str]) -> Iterator[None]:
    """All of it, and afterwards a run that repairs it."""
    net.hosts["db"].check_output("command -v nft || apt-get install -y --no-install-recommends nftables")
    try:
        for where, command, _says in BROKEN.values():
            if where in net.hosts:
                net.hosts[where].check_output(command.format(**names))
            elif command:
                net.fault(command, where)
        yield
    finally:
        net.hosts["db"].run("nft delete table inet broken")
        net.fault("mend", "attic")
        net.good()


def test_a_broken_link_is_told_with_its_cause(
    net: Mesh, once: None, names: dict[str, str], broken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = net.states()
    done = net.run(playbook=PROVE)
    assert done.returncode != 0
    assert net.states() == before
    (said,) = [one.told["msg"] for one in done.results if "Judge every link" in one.task]
    with capsys.disabled():
        print(f"\n{done.seconds:.1f} s:\n{said}")
    links = [text for text in said.splitlines() if "drift" not in text]
    assert len(links) == len(BROKEN), said
    for _where, _command, says in BROKEN.values():
        pattern = says.format(**{name: re.escape(text) for name, text in names.items()})
        assert [text for text in links if re.match(pattern, text)], f"{pattern}\nis not in\n{said}"
