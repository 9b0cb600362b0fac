"""What a plan says, table by table."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import build


def test_single_host_lives_on_loopback() -> None:
    plan = build(cases.single())
    host = plan["hosts"]["main"]
    assert host["address"] == "127.0.0.1"
    assert host["postgres"]["listen_addresses"] == ["127.0.0.1"]
    assert host["postgres"]["clients"] == [{"host": "main", "address": "127.0.0.1/32"}]
    assert host["puma"] == [
        {"name": "3000", "address": "127.0.0.1", "port": 3000, "workers": 2, "threads": 3, "db_pool": 3}
    ]
    assert [unit["name"] for unit in host["sidekiq_workers"]] == ["main", "scheduler"]
    assert host["mastodon"]["migrate"] and host["mastodon"]["build"]
    assert plan["cluster"]["hosts"]["nginx"] == ["main"]


def test_four_hosts_talk_over_the_cluster_network() -> None:
    hosts = build(cases.four())["hosts"]
    assert hosts["worker"]["pgbouncer"]["server"] == {"host": hosts["db"]["address"], "port": 5432}
    assert hosts["worker"]["relay"]["listeners"][1]["server"] == {"host": hosts["main"]["address"], "port": 6380}
    assert hosts["main"]["relay"]["listeners"][1]["server"] == {"host": "127.0.0.1", "port": 6380}
    assert [client["host"] for client in hosts["db"]["postgres"]["clients"]] == ["main", "worker"]
    assert hosts["db"]["roles"] == ["common", "postgres"]
    assert "mastodon" not in hosts["media"]
    assert hosts["worker"]["names"] == {"media.social.example.org": hosts["main"]["address"]}
    assert hosts["main"]["nginx"]["media"] == [{"host": "media", "address": hosts["media"]["address"], "port": 9000}]
    assert hosts["worker"]["mastodon"]["database_direct"] == {"host": hosts["db"]["address"], "port": 5432}


@pytest.mark.parametrize(
    ("entries", "bound"), [(["main"], "127.0.0.1"), (["worker"], "10.40.0.2"), (["main", "worker"], "10.40.0.2")]
)
def test_puma_binds_loopback_only_beside_its_only_nginx(entries: list[str], bound: str) -> None:
    inventory = cases.four()
    inventory["groups"]["nginx"] = entries
    plan = build(inventory)
    assert plan["hosts"]["main"]["puma"][0]["address"] == bound
    assert plan["hosts"][entries[0]]["nginx"]["web"] == [{"host": "main", "address": bound, "port": 3000}]


def test_every_process_is_behind_nginx() -> None:
    inventory = cases.four(
        main={"mastodon_puma": {"instances": 2}, "mastodon_streaming": {"processes": 3}},
        worker={"mastodon_streaming": {"processes": 2}},
    )
    inventory["groups"]["streaming"] = ["main", "worker"]
    nginx = build(inventory)["hosts"]["main"]["nginx"]
    assert [upstream["port"] for upstream in nginx["web"]] == [3000, 3001]
    assert [(each["host"], each["port"]) for each in nginx["streaming"]] == [
        ("main", 4000),
        ("main", 4001),
        ("main", 4002),
        ("worker", 4000),
        ("worker", 4001),
    ]


@pytest.mark.parametrize(("memory", "processes"), [(None, 3), (2047, 1), (2048, 3)])
def test_one_redis_serves_all_where_memory_is_short(memory: int | None, processes: int) -> None:
    host = build(cases.single(mastodon_memory_mb=memory))["hosts"]["main"]
    assert len(host["redis"]) == processes
    served = [name for instance in host["redis"] for name in instance["serves"]]
    assert served == ["base", "sidekiq", "cache"]
    by_name = {name: instance["port"] for instance in host["redis"] for name in instance["serves"]}
    assert {each["name"]: each["server"]["port"] for each in host["relay"]["listeners"]} == by_name
    for instance in host["redis"]:
        if "sidekiq" in instance["serves"] or "base" in instance["serves"]:
            assert instance["policy"] == "noeviction" and instance["appendonly"] is True


def test_facts_are_shown_and_change_no_process() -> None:
    known = cases.single()
    known["hosts"]["main"]["facts"] = {"memtotal_mb": 1024, "processor_vcpus": 2}
    with_facts, without = build(known)["hosts"]["main"], build(cases.single())["hosts"]["main"]
    assert (with_facts["cores"], with_facts["memory_mb"]) == (2, {"total": 1024})
    assert (without["cores"], without["memory_mb"]) == (None, {"total": None})
    for key in set(with_facts) - {"cores", "memory_mb"}:
        assert with_facts[key] == without[key]


def test_declared_values_win_over_facts() -> None:
    inventory = cases.single(mastodon_cpus=8, mastodon_memory_mb=4096)
    inventory["hosts"]["main"]["facts"] = {"memtotal_mb": 1024, "processor_vcpus": 2}
    host = build(inventory)["hosts"]["main"]
    assert (host["cores"], host["memory_mb"]["total"]) == (8, 4096)


def test_wishes_are_kept() -> None:
    wish = [{"name": "push", "queues": [["push", 3], ["fasp", 1]], "threads": 25, "processes": 2}]
    rest = [{"name": "rest", "queues": ["default", "ingress", "mailers", "pull"], "threads": 7, "db_pool": 9}]
    hosts = build(
        cases.four(
            main={"mastodon_sidekiq_workers": rest}, worker={"mastodon_sidekiq_workers": wish, "mastodon_cpus": "10"}
        )
    )["hosts"]
    assert [(unit["name"], unit["threads"]) for unit in hosts["worker"]["sidekiq_workers"]] == [
        ("push-1", 25),
        ("push-2", 25),
    ]
    assert hosts["worker"]["cores"] == 10
    own = hosts["main"]["sidekiq_workers"]
    assert own[0]["queues"] == [["default", None], ["ingress", None], ["mailers", None], ["pull", None]]
    assert (own[0]["threads"], own[0]["db_pool"], own[0]["takes_rest"]) == (7, 9, True)
    assert own[1]["queues"] == [["scheduler", None]], "the plan adds the scheduler that nobody wished"


def test_a_wished_scheduler_is_the_only_one() -> None:
    wish = [
        {"name": "timers", "queues": ["scheduler"], "threads": 3},
        {"name": "all", "queues": ["default"], "threads": 5},
    ]
    plan = build(cases.four(worker={"mastodon_sidekiq_workers": wish}))
    assert plan["cluster"]["scheduler_host"] == "worker"
    assert [unit["name"] for unit in plan["hosts"]["main"]["sidekiq_workers"]] == ["main"]


def test_each_architecture_has_its_builder() -> None:
    plan = build(cases.four(worker={"mastodon_architecture": "arm64"}))
    assert plan["cluster"]["build_hosts"] == {"amd64": "main", "arm64": "worker"}
    assert [plan["hosts"][name]["mastodon"]["build"] for name in ("main", "worker")] == [True, True]
    assert [plan["hosts"][name]["mastodon"]["migrate"] for name in ("main", "worker")] == [True, False]


def test_nobody_builds_a_finished_release() -> None:
    plan = build(cases.single({"mastodon_source": {"release": "/srv/a.tar.zst", "checksum": cases.CHECKSUM}}))
    assert plan["cluster"]["build_hosts"] == {}
    assert plan["hosts"]["main"]["mastodon"]["build_host"] is None


def test_trees_follow_what_a_host_runs() -> None:
    groups = {role: ["a"] for role in cases.ROLES if role not in ("streaming", "nginx")}
    hosts = build(cases.raw({**groups, "streaming": ["b"], "nginx": ["c", "b"]}))["hosts"]
    assert [hosts[name]["mastodon"]["tree"] for name in "abc"] == ["app", "streaming", "public"]
    assert [hosts[name]["mastodon"]["node"] for name in "abc"] == [False, True, False]
    assert "database" not in hosts["c"]["mastodon"]
    assert "pgbouncer" in hosts["b"]["roles"] and "pgbouncer" not in hosts["c"]["roles"]


EXTERNAL = {"bucket": "b", "endpoint": "https://s3.example.net", "access_key": True, "secret_key": True}


@pytest.mark.parametrize(
    ("cluster", "backend", "endpoint"),
    [
        ({"mastodon_s3_backend": "none"}, "none", None),
        ({"mastodon_s3_backend": "external", "mastodon_s3": EXTERNAL}, "external", "https://s3.example.net"),
    ],
)
def test_without_minio_there_is_no_media_host(cluster: dict[str, Any], backend: str, endpoint: str | None) -> None:
    inventory = cases.single(cluster)
    del inventory["groups"]["minio"]
    host = build(inventory)["hosts"]["main"]
    assert host["mastodon"]["s3"]["backend"] == backend
    assert host["mastodon"]["s3"].get("endpoint") == endpoint
    assert host["nginx"]["media"] == [] and host["names"] == {}
    assert "minio" not in host and "minio" not in host["roles"]
    assert "access_key" not in str(host) and "secret_key" not in str(host)


def test_the_pool_is_no_larger_than_its_clients() -> None:
    plan = build(cases.four())
    assert plan["hosts"]["worker"]["pgbouncer"]["pools"][0]["pool_size"] == 10
    assert plan["hosts"]["main"]["pgbouncer"]["pools"][0]["pool_size"] == 20
    assert plan["ledger"] == {
        "clients": 38,
        "server_pool": 30,
        "reserve": 10,
        "direct": 10,
        "reserved": 3,
        "max_connections": 100,
    }


def test_a_pooler_that_nobody_uses_is_worth_a_warning() -> None:
    inventory = cases.four()
    inventory["groups"]["pgbouncer"] = ["media"]
    assert any("media" in warning for warning in build(inventory)["warnings"])


def test_every_reason_points_at_its_figure() -> None:
    for reason in build(cases.four())["why"]:
        assert set(reason) == {"path", "value", "rule", "inputs", "binding"}
        assert reason["rule"] and reason["path"].split(".")[0] in ("cluster", "hosts", "ledger")
