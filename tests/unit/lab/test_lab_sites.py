"""Sites: what a gateway is told, and what may be done to it."""

from __future__ import annotations

import ipaddress
import subprocess
from dataclasses import replace

import pytest

from tests.lab import labs, network, sites
from tests.lab.errors import LabError
from tests.lab.network import Networks
from tests.lab.request import Site
from tests.lab.state import Placed, State

SUBNETS = {"home": "10.213.2.0/24", "shed": "10.213.3.0/24"}
STATE = State("demo", Networks("10.213.0.0/24", "", SUBNETS), 0.0, {"a": Placed("10.213.2.10", "", "1", "home")})
HOLE = Site("shed", 10, 1400, False, 20)


def test_a_gateway_stands_between_its_site_and_the_plain_network() -> None:
    told = sites.environment(STATE, HOLE)
    assert (told["SITE"], told["PLAIN"]) == ("10.213.3.0/24", "10.213.0.0/24")
    assert told["UPSTREAM"] == network.gateway(STATE.networks.plain)
    assert told["ROUTER"] == "10.213.3.2/24"
    assert (told["MTU"], told["FRAGMENTS"], told["DELAY"]) == ("1400", "drop", "20")
    assert sites.environment(STATE, Site("home"))["MTU"] == ""
    everybody = [network.gateway(text) for text in (STATE.networks.plain, *SUBNETS.values())]
    everybody += [
        network.address(text, position) for text in (STATE.networks.plain, *SUBNETS.values()) for position in range(200)
    ]
    for site in (Site("home"), HOLE):
        told = sites.environment(STATE, site)
        everybody += [told["INNER"], told["OUTER"], told["ROUTER"].split("/")[0]]
        assert ipaddress.ip_address(told["INNER"]) in ipaddress.ip_network(told["SITE"])
        assert ipaddress.ip_address(told["OUTER"]) in ipaddress.ip_network(told["PLAIN"])
    assert len(set(everybody)) == len(everybody)


def test_a_gateway_forgets_idle_mappings_in_time() -> None:
    call = sites.create_arguments(STATE, HOLE, "image:1")
    assert "--sysctl=net.netfilter.nf_conntrack_udp_timeout=10" in call
    assert "--sysctl=net.netfilter.nf_conntrack_udp_timeout_stream=10" in call
    assert "--privileged" not in call


@pytest.mark.parametrize(
    "other",
    [replace(HOLE, mapping_s=20), replace(HOLE, mtu=0), replace(HOLE, fragments=True), replace(HOLE, delay_ms=0)],
)
def test_what_makes_another_gateway(other: Site) -> None:
    def printed(site: Site) -> str:
        return next(part for part in sites.create_arguments(STATE, site, "image:1") if sites.PRINT in part)

    assert printed(other) != printed(HOLE) == printed(replace(HOLE))


def test_the_script_is_a_shell_script() -> None:
    subprocess.run(["sh", "-n"], input=sites.SCRIPT.encode(), check=True)


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("kill", "home", "'kill' cannot be done to the site home; it can be cut, forget, mend"),
        ("forget", "a", "'forget' cannot be done to the host a; it can be cut, kill, mend"),
        ("cut", "none", "lab 'demo' has no host 'none'"),
    ],
)
def test_a_fault_that_cannot_be(kind: str, name: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labs, "load", lambda _name: STATE)
    with pytest.raises(LabError, match=sentence):
        labs.fault("demo", kind, [name])


def test_networks_are_a_sites_too() -> None:
    assert STATE.networks.kinds() == {
        "plain": "10.213.0.0/24",
        "site-home": "10.213.2.0/24",
        "site-shed": "10.213.3.0/24",
    }
