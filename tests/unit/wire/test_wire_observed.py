"""What `wg` and `ip` print, recorded: wireguard-tools 1.0.20210914, wireguard-go 0.0.20220316, Debian 12's iproute2.

The dump of the kernel differs in nothing: `wg` writes both. Keys were made for the recording.
"""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.observed import (
    LivePeer,
    Route,
    parse_addresses,
    parse_dump,
    parse_link,
    parse_routes,
)

PRIVATE = "cPw2gO78azGNmxv/hBFkPXzTRJ85X2xWfaEmEhC9tXA="
DUMP = (
    f"{PRIVATE}\tkJn1Wf3409M4pBOFVOZ7AI8iH6CP7Y3E6DK8kzVt8mY=\t51820\toff\n"
    "08Kf4mqn4H83EBh/rg/VT0niAqtLGtsTR+hvfnnL8EE=\tNzav+QfZrQMEjUhLFtj/MdP2U0SZ7hz4RP9bXbZIKI8=\t192.0.2.9:51820\t"
    "10.66.0.2/32,fd66::2/128\t0\t0\t0\t25\n"
    "95+PUAxUjyBbEqsfW0Wi2lhMFbyR6KlNjqE6XE5BIFQ=\t(none)\t[2001:db8::3]:51821\t10.66.0.3/32,192.168.7.0/24\t"
    "1795346352\t148\t92\toff\n"
    "znQhTIon+r+qrycdc+fSKjUq8MIiodVAepgfnbFxrAI=\t(none)\t(none)\t(none)\t0\t0\t0\toff\n"
)
ADDRESSES = """[{"ifindex":2,"ifname":"wgt0","flags":["POINTOPOINT","MULTICAST","NOARP","UP","LOWER_UP"],"mtu":1420,
"qdisc":"pfifo_fast","operstate":"UNKNOWN","group":"default","txqlen":500,"link_type":"none","addr_info":[{"family":"inet",
"local":"10.66.0.1","prefixlen":24,"scope":"global","label":"wgt0","valid_life_time":4294967295,
"preferred_life_time":4294967295},{"family":"inet6","local":"fe80::e38a:c745:2208:7f40","prefixlen":64,"scope":"link",
"stable-privacy":true,"valid_life_time":4294967295,"preferred_life_time":4294967295}]}]"""
ROUTES = """[{"dst":"default","gateway":"192.0.2.254","dev":"eth0","flags":[]},
{"dst":"10.66.0.0/24","dev":"wgt0","protocol":"kernel","scope":"link","prefsrc":"10.66.0.1","flags":[]},
{"dst":"192.168.7.0/24","dev":"wgt0","protocol":"static","scope":"link","flags":[]},
{"dst":"192.168.8.0/24","dev":"wgt0","scope":"link","flags":[]},
{"dst":"172.17.0.0/16","dev":"docker0","protocol":"kernel","scope":"link","prefsrc":"172.17.0.1","flags":["linkdown"]},
{"type":"local","dst":"10.66.0.1","dev":"wgt0","table":"local","protocol":"kernel","scope":"host","flags":[]},
{"type":"broadcast","dst":"10.66.0.255","dev":"wgt0","table":"local","protocol":"kernel","scope":"link","flags":[]},
{"type":"blackhole","dst":"198.51.100.0/24","protocol":"static","flags":[]},
{"dst":"192.0.2.50","dev":"eth0","table":"52","scope":"link","flags":[]},
{"dst":"fe80::/64","dev":"wgt0","protocol":"kernel","metric":256,"flags":[],"pref":"medium"},
{"type":"multicast","dst":"ff00::/8","dev":"wgt0","table":"local","protocol":"kernel","metric":256,"flags":[]}]"""


def test_a_dump_is_read_and_the_private_key_is_dropped() -> None:
    dump = parse_dump(DUMP)
    assert (dump.public_key, dump.port, dump.fwmark) == ("kJn1Wf3409M4pBOFVOZ7AI8iH6CP7Y3E6DK8kzVt8mY=", 51820, "")
    assert dump.peers == (
        LivePeer(
            "08Kf4mqn4H83EBh/rg/VT0niAqtLGtsTR+hvfnnL8EE=",
            ("10.66.0.2/32", "fd66::2/128"),
            "192.0.2.9:51820",
            25,
            Secret("Nzav+QfZrQMEjUhLFtj/MdP2U0SZ7hz4RP9bXbZIKI8="),
        ),
        LivePeer(
            "95+PUAxUjyBbEqsfW0Wi2lhMFbyR6KlNjqE6XE5BIFQ=",
            ("10.66.0.3/32", "192.168.7.0/24"),
            "[2001:db8::3]:51821",
            handshake=1795346352,
            received=148,
            sent=92,
        ),
        LivePeer("znQhTIon+r+qrycdc+fSKjUq8MIiodVAepgfnbFxrAI="),
    )
    assert PRIVATE not in repr(dump) and "Nzav" not in repr(dump)


def test_an_interface_without_key_and_with_mark() -> None:
    dump = parse_dump("(none)\t(none)\t36781\t0x1f\n")
    assert dump == ("", 36781, "0x1f", ())


@pytest.mark.parametrize("text", ["", "Unable to access interface: No such device\n", DUMP.replace("\toff\n", "\n")])
def test_what_is_no_dump_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="no output of wg show dump") as caught:
        parse_dump(text)
    assert PRIVATE not in str(caught.value)


def test_addresses_without_the_kernels_own() -> None:
    assert parse_addresses(ADDRESSES) == ("10.66.0.1/24",)
    assert parse_addresses("[{},{}]") == ()


def test_routes_that_send_packets_somewhere() -> None:
    assert parse_routes(ROUTES) == (
        Route("10.66.0.0/24", "wgt0", protocol="kernel"),
        Route("192.168.7.0/24", "wgt0", protocol="static"),
        Route("192.168.8.0/24", "wgt0", protocol="boot"),
        Route("172.17.0.0/16", "docker0", protocol="kernel"),
        Route("198.51.100.0/24", "", protocol="static"),
        Route("192.0.2.50/32", "eth0", table="52", protocol="boot"),
    )
    assert parse_routes("") == ()


def test_link() -> None:
    assert parse_link(ADDRESSES) == (True, 1420)
    assert parse_link("") == (False, 0)
