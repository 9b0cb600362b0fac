"""What becomes of hosts when `up` runs again, and how they are created."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.lab import docker, hosts, labs
from tests.lab.errors import LabError
from tests.lab.network import Networks
from tests.lab.request import Host
from tests.lab.state import Placed, State

UP: dict[str, Any] = {"State": {"Status": "running"}}


def state_of(**fingerprints: str) -> State:
    placed = {
        name: Placed(f"10.213.0.{10 + number}", f"10.213.1.{10 + number}", text)
        for number, (name, text) in enumerate(fingerprints.items())
    }
    return State("demo", Networks("10.213.0.0/24", "10.213.1.0/24"), 0.0, placed)


def test_a_first_run_makes_all() -> None:
    state = state_of()
    assert labs.plan(state, {"a": "1", "b": "1"}, {}) == ([], ["a", "b"], [])
    assert [placed.plain for placed in state.hosts.values()] == ["10.213.0.10", "10.213.0.11"]
    assert [placed.cluster for placed in state.hosts.values()] == ["10.213.1.10", "10.213.1.11"]


def test_the_same_again_touches_nothing() -> None:
    state = state_of(a="1", b="1")
    before = dict(state.hosts)
    assert labs.plan(state, {"a": "1", "b": "1"}, {"a": UP, "b": UP}) == ([], [], ["a", "b"])
    assert state.hosts == before


def test_one_more_host_leaves_the_others_and_their_addresses() -> None:
    state = state_of(a="1", b="1")
    before = dict(state.hosts)
    assert labs.plan(state, {"new": "1", "a": "1", "b": "1"}, {"a": UP, "b": UP}) == ([], ["new"], ["a", "b"])
    assert {name: state.hosts[name] for name in before} == before
    assert state.hosts["new"].plain == "10.213.0.12"


def test_a_changed_host_is_made_anew_and_an_unwanted_one_goes() -> None:
    state = state_of(a="1", b="1", c="1")
    assert labs.plan(state, {"a": "2", "b": "1"}, {"a": UP, "b": UP, "c": UP}) == (["a", "c"], ["a"], ["b"])
    assert sorted(state.hosts) == ["a", "b"]


def test_half_a_lab_is_completed() -> None:
    created = {"State": {"Status": "created"}}
    state = state_of(a="1", b="1", c="1")
    gone, fresh, kept = labs.plan(state, {"a": "1", "b": "1", "c": "1"}, {"a": created, "b": UP, "stray": UP})
    assert (sorted(gone), fresh, kept) == (["a", "stray"], ["a", "c"], ["b"])


HOST = Host("main", "2g", 1.5, publish=((8443, 443),))
PLACED = Placed("10.213.0.10", "10.213.1.10", "x")


def test_a_container_gets_its_name_limits_ports_and_address() -> None:
    call = hosts.create_arguments("demo", HOST, PLACED, "image:1")
    for wanted in ("--name=demo-main", "--hostname=main", "--memory=2g", "--cpus=1.5", "--ip=10.213.0.10"):
        assert wanted in call
    assert "--publish=127.0.0.1:8443:443" in call
    assert call[-1] == "image:1"
    assert "--privileged" not in call


def test_a_host_without_limits_has_none() -> None:
    call = " ".join(hosts.create_arguments("demo", Host("main"), PLACED, "image:1"))
    assert "--memory" not in call and "--cpus" not in call and "--publish" not in call


def test_a_host_at_a_site_is_on_the_sites_network_only() -> None:
    nets = Networks("10.213.0.0/24", "10.213.1.0/24", {"home": "10.213.2.0/24"})
    state = State("demo", nets, 0.0, {"a": Placed("10.213.0.10", "10.213.1.10", "1")})
    labs.plan(state, {"a": "1", "b": "1"}, {"a": UP}, {"b": "home"})
    assert state.hosts["b"] == Placed("10.213.2.11", "", "1", "home")
    call = hosts.create_arguments("demo", Host("b", site="home"), state.hosts["b"], "image:1")
    assert "--network=demo-site-home" in call and "--ip=10.213.2.11" in call
    written = labs.variables(state, labs.make_spec({}, "x"), {}, [])
    assert written["b"]["ansible_host"] == "10.213.2.11" and "mastodon_address" not in written["b"]
    assert written["a"]["mastodon_address"] == "10.213.1.10"


def test_a_lab_without_cluster_leaves_the_address_to_the_inventory() -> None:
    state = State("demo", Networks("10.213.0.0/24"), 0.0)
    labs.plan(state, {"a": "1"}, {})
    assert state.hosts["a"] == Placed("10.213.0.10", "", "1")
    assert "mastodon_address" not in labs.variables(state, labs.make_spec({"cluster": False}, "x"), {}, [])["a"]
    with pytest.raises(LabError, match="a is on no cluster network"):
        hosts.cut(state, "a")


@pytest.mark.parametrize(
    "other",
    [
        replace(HOST, memory="3g"),
        replace(HOST, cpus=2.0),
        replace(HOST, publish=()),
        replace(HOST, name="b"),
        replace(HOST, site="home"),
    ],
)
def test_what_changes_a_host(other: Host) -> None:
    assert hosts.fingerprint(other, "image:1") != hosts.fingerprint(HOST, "image:1")
    assert hosts.fingerprint(HOST, "image:2") != hosts.fingerprint(HOST, "image:1")
    assert hosts.fingerprint(replace(HOST), "image:1") == hosts.fingerprint(HOST, "image:1")


def test_an_unknown_host_is_named_with_those_that_exist() -> None:
    with pytest.raises(LabError, match="lab 'demo' has no host 'c'; it has a, b"):
        labs.chosen(state_of(a="1", b="1"), ["a", "c"])


def test_all_of_them_end_before_the_first_failure_is_raised() -> None:
    done = []

    def action(name: str) -> None:
        if name == "bad":
            raise LabError("bad")
        done.append(name)

    with pytest.raises(LabError, match="bad"):
        hosts.each(["bad", "a", "b"], action)
    assert sorted(done) == ["a", "b"]


def test_variables_are_literal_and_the_spec_wins_over_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = labs.make_spec({"vars": {"mastodon_domain": "mine.test", "box": "{gateway}:2525"}}, "x")
    written = labs.variables(state_of(a="1", b="1"), spec, {"mastodon_domain": "app.test", "other": 1}, ["b"])
    assert written["a"]["ansible_host"] == "10.213.0.10"
    assert written["a"]["mastodon_address"] == "10.213.1.10"
    assert written["a"]["mastodon_domain"] == "mine.test"
    assert written["a"]["box"] == "10.213.0.1:2525"
    assert written["a"]["other"] == 1
    assert "minio_binary" not in written["a"] and written["b"]["minio_binary"].startswith("/")
    assert "{{" not in str(written)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            "Error response from daemon: No such container: x\nError: failed to start containers: x\n",
            "No such container: x",
        ),
        ("warning\nError: No such network: x", "Error: No such network: x"),
        ("\n", "no message"),
    ],
)
def test_dockers_reason_is_the_daemons(output: str, told: str) -> None:
    assert docker.reason(output) == told


def test_an_absent_engine_is_not_blamed_on_the_command() -> None:
    problem = str(docker.DockerError(("ps",), "Cannot connect to the Docker daemon at unix:///x. Is it running?"))
    assert problem.startswith("no Docker engine answers") and "docker ps" not in problem
