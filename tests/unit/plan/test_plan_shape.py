"""What a plan says, table by table."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build


def test_single_host_lives_on_loopback() -> None:
    plan = build(cases.single())
    host = plan["hosts"]["main"]
    assert host["address"] == "127.0.0.1"
    assert host["postgres"]["listen_addresses"] == ["127.0.0.1"]
    assert host["postgres"]["clients"] == [{"host": "main", "address": "127.0.0.1/32"}]
    (puma,) = host["puma"]
    assert (puma["name"], puma["address"], puma["port"]) == ("3000", "127.0.0.1", 3000)
    assert puma["workers"] >= 2 and puma["threads"] == puma["db_pool"] >= 2
    kinds = [unit["name"].rstrip("-0123456789") for unit in host["sidekiq_workers"]]
    assert list(dict.fromkeys(kinds)) == ["scheduler", "latency", "ingress", "push", "pull"]
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


@pytest.mark.parametrize(("memory", "processes"), [(2047, 1), (2048, 3)])
def test_one_redis_serves_all_where_memory_is_short(memory: int, processes: int) -> None:
    inventory = cases.four(main={"mastodon_memory_mb": memory})
    inventory["groups"] |= {"redis": ["main"], "sidekiq_workers": ["worker"], "puma": ["worker"]}
    host = build(inventory)["hosts"]["main"]
    assert len(host["redis"]) == processes
    served = [name for instance in host["redis"] for name in instance["serves"]]
    assert served == ["base", "sidekiq", "cache"]
    by_name = {name: instance["port"] for instance in host["redis"] for name in instance["serves"]}
    assert {each["name"]: each["server"]["port"] for each in host["relay"]["listeners"]} == by_name
    for instance in host["redis"]:
        if "sidekiq" in instance["serves"] or "base" in instance["serves"]:
            assert instance["policy"] == "noeviction" and instance["appendonly"] is True


def test_cached_facts_are_as_good_as_declared_values() -> None:
    known = cases.single(mastodon_cpus=None, mastodon_memory_mb=None)
    known["hosts"]["main"]["facts"] = {"memtotal_mb": 6000, "processor_vcpus": 3}
    assert build(known) == build(cases.single(mastodon_cpus=3, mastodon_memory_mb=6000))


def test_declared_values_win_over_facts() -> None:
    inventory = cases.single(mastodon_cpus=8, mastodon_memory_mb=6144)
    inventory["hosts"]["main"]["facts"] = {"memtotal_mb": 1024, "processor_vcpus": 2}
    host = build(inventory)["hosts"]["main"]
    assert (host["cores"], host["memory_mb"]["total"]) == (8, 6144)


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
    assert not [unit for unit in plan["hosts"]["main"]["sidekiq_workers"] if "scheduler" in dict(unit["queues"])]


def test_each_architecture_has_its_builder() -> None:
    plan = build(cases.four(worker={"mastodon_architecture": "arm64"}))
    assert plan["cluster"]["build_hosts"] == {"amd64": "main", "arm64": "worker"}
    assert [plan["hosts"][name]["mastodon"]["build"] for name in ("main", "worker")] == [True, True]
    assert [plan["hosts"][name]["mastodon"]["migrate"] for name in ("main", "worker")] == [True, False]


def test_an_edge_host_unpacks_public_files_of_another_architecture() -> None:
    """They are packed under the name of their builder's architecture, which is where the host looks for them."""
    inventory = cases.four(media={"mastodon_architecture": "arm64"})
    inventory["groups"]["nginx"] = ["main", "media"]
    hosts = build(inventory)["hosts"]
    assert (hosts["media"]["mastodon"]["tree"], hosts["media"]["mastodon"]["build_host"]) == ("public", "main")
    assert hosts["media"]["mastodon"]["packed_for"] == "amd64"
    assert not any("packed_for" in hosts[name]["mastodon"] for name in ("main", "worker"))


def test_who_joins_with_another_architecture_builds_for_itself_and_changes_nobodys_builder() -> None:
    before = build(cases.four())
    after = build(cases.with_worker(cases.four(), "pi", "10.40.0.9", mastodon_architecture="arm64"))
    assert after["cluster"]["build_hosts"] == {**before["cluster"]["build_hosts"], "arm64": "pi"}
    share = after["hosts"]["pi"]["mastodon"]
    assert (share["build"], share["build_host"], share["migrate"]) == (True, "pi", False)
    assert all(after["hosts"][name]["mastodon"] == before["hosts"][name]["mastodon"] for name in ("main", "worker"))


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
    wish = [{"name": "few", "queues": ["default"], "threads": 3}]
    pool = {"mastodon_pgbouncer": {"pool_size": 12, "reserve": 1}, "mastodon_sidekiq_workers": wish}
    plan = build(cases.four(worker=pool))
    assert plan["hosts"]["worker"]["pgbouncer"]["pools"] == [
        {"database": "mastodon_production", "pool_size": 3, "reserve": 1}
    ]
    poolers = [host["pgbouncer"]["pools"][0] for host in plan["hosts"].values() if "pgbouncer" in host]
    assert plan["ledger"]["server_pool"] == sum(pool["pool_size"] for pool in poolers)
    assert plan["ledger"]["reserve"] == sum(pool["reserve"] for pool in poolers)


def test_without_a_pooler_every_client_is_a_connection() -> None:
    plan = build(cases.four({"mastodon_pgbouncer": {"enabled": False}}))
    ledger = plan["ledger"]
    assert (ledger["server_pool"], ledger["reserve"]) == (0, 0)
    assert ledger["clients"] + ledger["direct"] + ledger["reserved"] <= ledger["max_connections"]
    assert not [host for host in plan["hosts"].values() if "pgbouncer" in host]
    assert plan["hosts"]["worker"]["mastodon"]["database"]["host"] == plan["hosts"]["db"]["address"]


def test_a_replica_doubles_what_may_be_opened_but_for_streaming() -> None:
    once, twice = (build(cases.four({"mastodon_replica": replica}))["ledger"]["clients"] for replica in (False, True))
    streaming = sum(one["db_pool"] for one in build(cases.four())["hosts"]["main"]["streaming"])
    assert twice == 2 * once - streaming


def test_stolen_cores_are_not_planned_with() -> None:
    hosts = {
        name: build(cases.four(worker={"mastodon_cpus": cores, **more}))["hosts"]["worker"]["sidekiq_workers"]
        for name, cores, more in (
            ("half", 8, {"mastodon_cpu_steal": 0.5}),
            ("four", 4, {}),
            ("shared", 10, {"mastodon_shared_cpu": True}),
            ("seven", 7, {}),
        )
    }
    assert hosts["half"] == hosts["four"] and hosts["shared"] == hosts["seven"]


def test_a_host_gets_the_queues_that_it_may_serve() -> None:
    plan = build(cases.four(worker={"mastodon_sidekiq_queues": ["pull", "push"]}))
    assert {queue for unit in plan["hosts"]["worker"]["sidekiq_workers"] for queue, _ in unit["queues"]} == {
        "push",
        "pull",
    }


def test_measured_memory_moves_the_claim() -> None:
    claims = [
        build(cases.four(worker={"mastodon_unit_memory_mb": {"sidekiq": size}}))["hosts"]["worker"]
        for size in (300, 600)
    ]
    for size, host in zip((300, 600), claims):
        assert host["memory_mb"]["claims"]["sidekiq_workers"] == size * len(host["sidekiq_workers"])


def test_a_pooler_that_nobody_uses_is_worth_a_warning() -> None:
    inventory = cases.four()
    inventory["groups"]["pgbouncer"] = ["media"]
    assert any("media" in warning for warning in build(inventory)["warnings"])


def test_every_reason_points_at_its_figure() -> None:
    for reason in build(cases.four())["why"]:
        assert set(reason) == {"path", "value", "rule", "inputs", "binding"}
        assert reason["rule"] and reason["path"].split(".")[0] in ("cluster", "hosts", "ledger", "forecast")
