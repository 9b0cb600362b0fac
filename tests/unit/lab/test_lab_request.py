"""What may be asked of the lab, and the sentence when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.request import Host, Site, Spec, apply_spec, check_name, fill, host_from_text, make_host, make_spec


def test_a_host_of_the_command_line() -> None:
    assert host_from_text("main,memory=2g,cpus=1.5") == Host("main", "2g", 1.5)
    assert host_from_text("main") == Host("main")
    assert host_from_text("old,release=bookworm").release == "bookworm"
    assert host_from_text("new,bare=true").bare and not host_from_text("new").bare


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("main,memory=2gb", "memory '2gb' is malformed; write it like 512m or 2g"),
        ("main,memory=0g", "memory '0g' is malformed"),
        ("main,memory", "'memory' is not KEY=VALUE"),
        ("main,cpus=two", "cpus 'two' is malformed"),
        ("main,cpus=-1", "cpus '-1' is malformed"),
        ("main,cpus=nan", "cpus 'nan' is malformed"),
        ("main,disk=1g", "there is no option 'disk'; there are memory, cpus, release, site, bare"),
        ("main,bare=perhaps", "bare 'perhaps' is neither true nor false"),
        ("main,release=sid", "release 'sid' is unknown; there are trixie, bookworm"),
        ("Main", "use lower-case letters"),
        ("", "use lower-case letters"),
    ],
)
def test_a_malformed_host_is_explained(text: str, sentence: str) -> None:
    with pytest.raises(LabError) as problem:
        host_from_text(text)
    assert sentence in str(problem.value)


@pytest.mark.parametrize("name", ["", "-x", "Demo", "a/b", "a" * 41, "../x", "ä"])
def test_a_name_that_docker_or_a_path_would_not_take(name: str) -> None:
    with pytest.raises(LabError, match="cannot be a lab's name"):
        check_name(name)


@pytest.mark.parametrize("name", ["demo", "role_redis", "layout_chaos_social", "a-1"])
def test_a_name_of_a_lab(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "must be a mapping"),
        ({"host": {}}, "there is no setting 'host'; there are hosts, packages, app, publish, vars, cluster, sites"),
        ({"packages": "redis"}, "packages must be a list"),
        ({"packages": ["redis; rm -rf /"]}, "packages must be a list of names"),
        ({"packages": ["--force-yes"]}, "packages must be a list of names"),
        ({"app": "mastodon"}, "app 'mastodon' is unknown"),
        ({"hosts": {"main": "2g"}}, "hosts.main must be a mapping"),
        ({"publish": {"main": {"8443": 443}}}, "write PORT_HERE: PORT_OF_THE_HOST"),
        ({"publish": {"main": {8443: 70000}}}, "is malformed"),
        ({"publish": {"main": {True: 443}}}, "is malformed"),
        ({"vars": ["x"]}, "vars must be a mapping"),
        ({"cluster": "no"}, "cluster 'no' is neither true nor false"),
        ({"sites": {"Home": {}}}, "'Home' cannot be a site's name"),
        ({"sites": {"home": {"speed": 1}}}, "site 'home' has no option 'speed'; there are nat, mapping_s, mtu"),
        ({"sites": {"home": {"nat": False}}}, "site 'home': every site is behind NAT"),
        ({"sites": {"home": {"fragments": "drop"}}}, "fragments 'drop' is neither true nor false"),
        ({"sites": {"home": {"mapping_s": 0}}}, "mapping_s '0' is no number from 1 to 86400"),
        ({"sites": {"home": {"mtu": True}}}, "mtu 'True' is no number from 576 to 1500"),
        ({"sites": {"home": {"delay_ms": "20"}}}, "delay_ms '20' is no number from 0 to 1000"),
        ({"sites": {f"s{number}": {} for number in range(9)}}, "9 sites do not fit into one lab; 8 do"),
    ],
)
def test_a_malformed_spec_is_explained(document: Any, sentence: str) -> None:
    with pytest.raises(LabError) as problem:
        make_spec(document, "lab.yml")
    assert str(problem.value).startswith("lab.yml")
    assert sentence in str(problem.value)


def test_an_empty_spec_is_a_spec() -> None:
    assert make_spec(None, "lab.yml") == Spec()


def test_the_order_of_packages_does_not_matter() -> None:
    first, second = (make_spec({"packages": names}, "x").packages for names in (["bb", "aa", "aa"], ["aa", "bb"]))
    assert first == second == ("aa", "bb")


def test_the_spec_adds_limits_and_the_command_line_wins() -> None:
    spec = make_spec({"hosts": {"a": {"memory": "1g", "cpus": 1}}, "publish": {"a": {8443: 443}}}, "lab.yml")
    hosts = apply_spec(["a", "b"], [make_host("a", {"memory": "2g"})], spec, "lab.yml")
    assert hosts == [Host("a", "2g", 1.0, publish=((8443, 443),)), Host("b")]


@pytest.mark.parametrize("part", ["hosts", "publish"])
def test_a_spec_may_not_name_other_hosts(part: str) -> None:
    with pytest.raises(LabError, match=r"names host 'mian', which is not in the inventory \(main\)"):
        apply_spec(["main"], [], make_spec({part: {"mian": {}}}, "lab.yml"), "lab.yml")


def test_hosts_at_sites() -> None:
    home = {"nat": True, "mapping_s": 10, "mtu": 1400, "fragments": False}
    spec = make_spec({"cluster": False, "sites": {"home": home, "shed": None}, "hosts": {"a": {"site": "home"}}}, "x")
    assert spec.sites == (Site("home", 10, 1400, False), Site("shed"))
    assert apply_spec(["a", "b"], [], spec, "x") == [Host("a", site="home"), Host("b")]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"sites": {"home": {}}, "hosts": {"a": {"site": "hoem"}}}, r"host 'a': there is no site 'hoem' \(home\)"),
        ({"hosts": {"a": {"site": "home"}}}, r"host 'a': there is no site 'home' \(none\); add it to `sites`"),
        ({"sites": {"a": {}}}, "'a' is a host and a site"),
    ],
)
def test_a_site_that_does_not_fit(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        apply_spec(["a"], [], make_spec(document, "lab.yml"), "lab.yml")


def test_no_host_at_all() -> None:
    with pytest.raises(LabError, match="no host is named; pass --inventory"):
        apply_spec([], [], Spec(), "None")


def test_places_are_filled_in_and_other_braces_stay() -> None:
    value = {"a": ["{gateway}:2525", {"b": "{{ inventory_hostname }} {minio}"}], "c": 3, "d": None, "e": "{other}"}
    filled = fill(value, {"gateway": "10.0.0.1", "minio": "/m"})
    assert filled == {"a": ["10.0.0.1:2525", {"b": "{{ inventory_hostname }} /m"}], "c": 3, "d": None, "e": "{other}"}
