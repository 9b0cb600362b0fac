"""Every contradiction: where it is, what it is, what to write instead. All of them at once."""

from __future__ import annotations

from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError
from hypothesis import given, settings
from hypothesis import strategies as st


def problems(inventory: dict[str, Any]) -> list[str]:
    """What the plan says against an inventory."""
    with pytest.raises(PlanError) as caught:
        build(inventory)
    return [str(problem) for problem in caught.value.problems]


def one(inventory: dict[str, Any], *parts: str) -> None:
    """Exactly one problem, which has these parts."""
    found = problems(inventory)
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]


def grouped(**changes: list[str]) -> dict[str, Any]:
    """Four hosts with other groups; an empty list takes a group away."""
    inventory = cases.four()
    for group, members in changes.items():
        inventory["groups"][group] = members
    return inventory


def unit(**changes: Any) -> dict[str, Any]:
    """A worker whose one unit has these values."""
    entry = {"name": "w", "queues": [["default", 1]], "threads": 5, **changes}
    return cases.four(worker={"mastodon_sidekiq_workers": [{k: v for k, v in entry.items() if v is not None}]})


CLUSTER = [
    ("mastodon_domain", None, "is required and not set", "social.example.org"),
    ("mastodon_domain", "https://social.example.org", "is not a domain name", "without scheme"),
    ("mastodon_domain", "social.example.org/", "is not a domain name", "bare lower-case"),
    ("mastodon_domain", "Social.example.org", "is not a domain name", "lower-case"),
    ("mastodon_domain", "localhost", "is not a domain name", "bare"),
    ("mastodon_domain", "192.0.2.1", "is not a domain name", "bare"),
    ("mastodon_domain", "so_cial.example.org", "is not a domain name", "bare"),
    ("mastodon_domain", 7, "is not text", "non-empty"),
    ("mastodon_admin_email", None, "is required and not set", "admin@example.org"),
    ("mastodon_admin_email", "admin", "is not a mail address", "admin@example.org"),
    ("mastodon_admin_email", "a@b@c.example", "is not a mail address", "admin@example.org"),
    ("mastodon_admin_username", "the boss", "not a name that Mastodon takes", "letters, digits"),
    ("mastodon_web_domain", "web", "is not a domain name", "bare"),
    ("mastodon_media_domain", "social.example.org", "the site's own name", "a name of its own"),
    ("mastodon_version", "v4/6", "cannot be the name of a directory", "v4.6.5"),
    ("mastodon_tls", "cerbot", "none of certbot, files, test_ca", "write certbot"),
    ("mastodon_tls", "none", "none of certbot, files, test_ca", "write one of"),
    ("mastodon_s3_backend", "mino", "none of minio, external, none", "write minio"),
    ("mastodon_source", {}, "neither git, nor archive, nor release", "exactly one"),
    ("mastodon_source", {"git": "upstream", "archive": "/a"}, "has git and archive", "exactly one"),
    ("mastodon_source", {"archive": "/a.tar.gz"}, "the checksum is missing", "sha256sum FILE"),
    ("mastodon_source", {"archive": "/a.tar.gz", "checksum": "md5:1"}, "'md5:1' is not one", "sha256:"),
    ("mastodon_source", "upstream", "is not a dictionary", "keys: git"),
    ("mastodon_trusted_proxies", ["192.0.2.300"], "neither an address nor a network", "192.0.2.0/24"),
    ("mastodon_trusted_proxies", "192.0.2.1", "is not a list", "a list"),
    ("mastodon_environment", {"DB_POOL": None}, "resize the pool", "remove it there"),
    ("mastodon_environment", {"MAX_THREADS": None}, "mastodon_puma.threads", "remove it there"),
    ("mastodon_environment", {"WEB_CONCURRENCY": None}, "mastodon_puma.workers", "remove it there"),
    ("mastodon_environment", {"BIND": None}, "the plan chooses", "remove it there"),
    ("mastodon_environment", {"SOCKET": None}, "fight over one socket", "remove it there"),
    ("mastodon_environment", {"PORT": None}, "the same port", "remove it there"),
    ("mastodon_environment", {"SIDEKIQ_CONCURRENCY": None}, "threads themselves", "remove it there"),
    ("mastodon_environment", {"REDIS_NAMESPACE": None}, "refuses to start", "remove it there"),
    ("mastodon_smtp", {"sever": None}, "there is no such key", "write server"),
    ("mastodon_sidekiq_wrokers", 5, "there is no such setting", "write mastodon_sidekiq_workers"),
    ("mastodon_colour", "red", "there is no such setting", "remove it"),
    ("mastodon_monthly_active_users", 0, "0 is out of range", "from 1"),
    ("mastodon_monthly_active_users", "many", "is not a whole number", "from 1"),
    ("mastodon_active_share", 60, "is out of range", "from 0 to 1"),
    ("mastodon_slow_share", 0.95, "is out of range", "from 0 to 0.9"),
    ("mastodon_job_profile", {"defualt": {"rate": 3}}, "there is no such key", "write default"),
    ("mastodon_job_profile", {"push": {"cpu": 5}}, "there is no such key", "known are rate, cpu_ms"),
    ("mastodon_job_profile", {"push": {"cpu_ms": 0}}, "is out of range", "from 0.01"),
    ("mastodon_job_profile", {"push": 7}, "is not a dictionary", "rate, cpu_ms"),
    ("mastodon_breaker_pool", "on", "neither true nor false", "without quotes"),
    ("mastodon_replica", 1, "neither true nor false", "without quotes"),
]


@pytest.mark.parametrize(("setting", "value", "message", "fix"), CLUSTER)
def test_cluster_settings(setting: str, value: Any, message: str, fix: str) -> None:
    one(cases.four({setting: value}), f"group mastodon, {setting}", message, "Fix: ", fix)


HOST = [
    ("mastodon_address", None, "is not set, and the cluster has more than one host", "10.40.0.11"),
    ("mastodon_address", "10.40.0.300", "is not an IP address", "without a prefix length"),
    ("mastodon_address", "10.40.0.2/24", "is not an IP address", "without a prefix length"),
    ("mastodon_address", "0.0.0.0", "is no address of a host", "cluster's network"),
    ("mastodon_address", "127.0.0.1", "cannot be reached from other hosts", "cluster's network"),
    ("mastodon_architecture", "x86_64", "none of amd64, arm64", "write one of amd64"),
    ("mastodon_cpus", "four", "is not a whole number", "from 1 to 1024"),
    ("mastodon_cpus", 0, "0 is out of range", "from 1 to 1024"),
    ("mastodon_cpus", True, "is not a whole number", "from 1 to 1024"),
    ("mastodon_cpus", 5000, "5000 is out of range", "from 1 to 1024"),
    ("mastodon_memory_mb", 99_999_999, "99999999 is out of range", "to 16000000"),
    ("mastodon_memory_mb", -5, "-5 is out of range", "from 256"),
    ("mastodon_memory_mb", "8G", "is not a whole number", "from 256"),
    ("mastodon_puma", {"wokers": 3}, "there is no such key", "write workers"),
    ("mastodon_puma", {"threads": 0}, "0 is out of range", "from 1 to 128"),
    ("mastodon_puma", 3, "is not a dictionary", "workers, threads, instances"),
    ("mastodon_streaming", {"processes": 1000}, "1000 is out of range", "from 1 to 128"),
    ("mastodon_pgbouncer", {"pool_size": 0}, "0 is out of range", "from 1"),
    ("mastodon_ports", {"puma": 70000}, "70000 is out of range", "from 1 to 65535"),
    ("mastodon_ports", {"pumas": 3000}, "there is no such key", "write puma"),
    ("mastodon_ruby", {"method": "rbenv"}, "none of distribution, directory, archive, ruby_build", "write one of"),
    ("mastodon_sidekiq_workers", {}, "is not a list of units", "name"),
    ("mastodon_sidekiq_workers", [], "is not a list of units", "name"),
    ("mastodon_disk", "sdd", "none of hdd, ssd, san, nvme", "write one of hdd"),
    ("mastodon_cpu_steal", 30, "is out of range", "from 0 to 0.9"),
    ("mastodon_cpu_steal", "30 %", "is not a number", "from 0 to 0.9"),
    ("mastodon_shared_cpu", "yes", "neither true nor false", "without quotes"),
    ("mastodon_db_rtt_ms", -1, "is out of range", "from 0 to 2000"),
    ("mastodon_redis_rtt_ms", "20ms", "is not a number", "from 0 to 2000"),
    ("mastodon_sidekiq_queues", ["pushes"], "there is no queue 'pushes'", "write push"),
    ("mastodon_sidekiq_queues", "push", "is not a list of queues", "write some of default"),
    ("mastodon_sidekiq_queues", [], "is not a list of queues", "write some of default"),
    ("mastodon_unit_memory_mb", {"sidekik": 300}, "there is no such key", "write sidekiq"),
    ("mastodon_unit_memory_mb", {"sidekiq": 5}, "5 is out of range", "from 16"),
    ("mastodon_pgbouncer", {"enabled": "no"}, "neither true nor false", "without quotes"),
    ("mastodon_cpus", None, "no facts of this host are cached", "playbooks/survey.yml -i INVENTORY --limit worker`"),
    ("mastodon_memory_mb", None, "no facts of this host are cached", "that it prints into the inventory"),
]


@pytest.mark.parametrize(("setting", "value", "message", "fix"), HOST)
def test_host_settings(setting: str, value: Any, message: str, fix: str) -> None:
    one(cases.four(worker={setting: value}), f"host worker, {setting}", message, fix)


UNITS = [
    ({"name": None}, "[0].name", "is missing", "lower-case"),
    ({"name": "my unit"}, "[0].name", "cannot name a systemd unit", "lower-case"),
    ({"queues": None}, "[0].queues", "is missing", "[[default, 8], [push, 6]]"),
    ({"queues": [["defualt", 1]]}, "[0].queues[0]", "there is no queue 'defualt'", "write default"),
    ({"queues": [["video", 1]]}, "[0].queues[0]", "there is no queue 'video'", "Mastodon has default"),
    ({"queues": [["default", 0]]}, "[0].queues[0]", "weight 0 does not switch default off", "leave the queue out"),
    ({"queues": [["default", -1]]}, "[0].queues[0]", "-1 is out of range", "from 1"),
    ({"queues": [["default", 2], ["push", None]]}, "[0].queues", "some queues have a weight", "all of them one"),
    ({"queues": ["push", "push"]}, "[0].queues", "push is listed 2 times", "once"),
    ({"queues": [["default"]]}, "[0].queues[0]", "is not a queue", "[default, 8]"),
    ({"threads": 0}, "[0].threads", "0 is out of range", "from 1 to 200"),
    ({"threads": 5000}, "[0].threads", "5000 is out of range", "from 1 to 200"),
    ({"threads": 10, "db_pool": 4}, "[0].db_pool", "4 connections for 10 threads", "leave it out"),
    ({"thread": 3}, "[0].thread", "there is no such key", "write threads"),
    ({"on_demand": "yes"}, "[0].on_demand", "neither true nor false", "without quotes"),
    ({"queues": ["push", "default"]}, "[0].queues", "strict order starves default", "give the queues weights"),
    (
        {"queues": ["default", "pull", "ingress", "mailers", "scheduler"]},
        "[0].queues",
        "strict order starves ingress, mailers, scheduler: the queues behind pull are only looked at when it is empty",
        "put push and pull last or into a unit of their own",
    ),
    ({"queues": ["scheduler"], "on_demand": True}, "[0].on_demand", "must always run", "take scheduler"),
]


@pytest.mark.parametrize(("changes", "path", "message", "fix"), UNITS)
def test_units(changes: dict[str, Any], path: str, message: str, fix: str) -> None:
    one(unit(**changes), f"host worker, mastodon_sidekiq_workers{path}", message, fix)


GROUPS = [
    (grouped(postgres=["db", "worker"]), "group postgres", "has 2 hosts (db, worker)", "leave one host"),
    (grouped(redis=["main", "db"]), "group redis", "has 2 hosts", "leave one host"),
    (grouped(minio=["media", "db"]), "group minio", "has 2 hosts", "leave one host"),
    (grouped(postgres=[], redis=["main", "db"][:1]), "group postgres", "has no host", "put a host under postgres"),
    (grouped(puma=[]), "group puma", "has no host", "put a host under puma"),
    (grouped(streaming=[]), "group streaming", "has no host", "put a host under streaming"),
    (grouped(nginx=[]), "group nginx", "has no host", "put a host under nginx"),
    (grouped(sidekiq_worker=["db"]), "group sidekiq_worker", "no such group (hosts: db)", "write sidekiq_workers"),
]


@pytest.mark.parametrize(("inventory", "place", "message", "fix"), GROUPS)
def test_groups(inventory: dict[str, Any], place: str, message: str, fix: str) -> None:
    found = [problem for problem in problems(inventory) if problem.startswith(f"{place}: ")]
    assert len(found) == 1 and message in found[0] and fix in found[0]


def test_an_empty_inventory_says_where_to_start() -> None:
    one({"groups": {"all": [], "ungrouped": []}, "hosts": {}}, "inventory: no host is in group mastodon", "single_host")


def test_a_host_without_work() -> None:
    inventory = grouped(datacentre=["idle"], database=["spare"])
    for host, address in (("idle", "10.40.0.8"), ("spare", "10.40.0.9")):
        inventory["groups"]["mastodon"].append(host)
        inventory["hosts"][host] = {**cases.CLUSTER, **cases.SIZE, "mastodon_address": address}
    idle, spare = problems(inventory)
    assert idle.startswith("host idle: ") and "only in datacentre" in idle and "one or more of postgres" in idle
    assert spare.startswith("host spare: ") and "put it into postgres" in spare


def test_a_host_beside_the_cluster() -> None:
    one(grouped(puma=["main", "stray"]), "host stray: in group puma, but not in mastodon", "child of mastodon")


def test_groups_of_the_admins_own_are_welcome() -> None:
    build(grouped(datacentre_a=["main", "db"], rack7=["worker"]))


def test_two_schedulers() -> None:
    wish = [{"name": "timers", "queues": ["scheduler"], "threads": 2}]
    one(
        cases.four(main={"mastodon_sidekiq_workers": wish}, worker={"mastodon_sidekiq_workers": [*wish, *REST]}),
        "group sidekiq_workers, mastodon_sidekiq_workers",
        "2 units have the queue scheduler (timers on main, timers on worker)",
        "leave scheduler in one unit",
    )


REST = [{"name": "rest", "queues": ["default", "ingress", "mailers", "push", "pull", "fasp"], "threads": 5}]


@pytest.mark.parametrize(
    "queues",
    [
        ["default", "ingress", "mailers", "scheduler", "push", "pull"],
        ["push", "pull", "fasp"],
        ["pull"],
        [["push", 6], ["pull", 1], ["default", 1]],
    ],
)
def test_lists_in_which_nobody_waits_behind_deliveries(queues: list[Any]) -> None:
    build(unit(queues=queues))


def test_a_queue_that_nobody_serves() -> None:
    wish = [{"name": "some", "queues": ["default", "ingress", "push"], "threads": 5}]
    rest = [{"name": "rest", "queues": ["mailers", "fasp"], "threads": 5}]
    spare = [{"name": "spare", "queues": ["pull"], "threads": 5, "on_demand": True}]
    one(
        cases.four(main={"mastodon_sidekiq_workers": wish}, worker={"mastodon_sidekiq_workers": rest + spare}),
        "mastodon_sidekiq_workers",
        "no unit that always runs listens to pull",
    )


def test_a_queue_that_no_host_may_serve() -> None:
    only = {"mastodon_sidekiq_queues": ["default", "ingress", "mailers", "push", "fasp"]}
    one(
        cases.four(main={**only, "mastodon_sidekiq_queues": ["scheduler"]}, worker=only),
        "mastodon_sidekiq_queues",
        "no unit that always runs listens to pull",
        "give the queue to one of the hosts",
    )


def test_two_units_of_one_name() -> None:
    inventory = cases.four(worker={"mastodon_sidekiq_workers": REST + REST})
    one(inventory, "host worker, mastodon_sidekiq_workers", "2 units are called rest", "a name of its own")


def test_one_address_twice() -> None:
    inventory = cases.four(worker={"mastodon_address": "10.40.0.9"}, media={"mastodon_address": "10.40.0.9"})
    one(inventory, "hosts media, worker, mastodon_address", "is the address of 2 hosts", "each its own")


@pytest.mark.parametrize(
    ("settings", "owner"),
    [
        ({"mastodon_ports": {"puma": 4000}}, "streaming 4000"),
        ({"mastodon_ports": {"redis": 6431}}, "redis sidekiq"),
        ({"mastodon_ports": {"puma": 443}}, "puma 443"),
        ({"mastodon_puma": {"instances": 4, "workers": 1}, "mastodon_ports": {"puma": 3997}}, "streaming 4000"),
    ],
)
def test_a_port_used_twice(settings: dict[str, Any], owner: str) -> None:
    found = problems(cases.single(**settings))
    assert all("host main, mastodon_ports." in problem and "is wanted by" in problem for problem in found)
    assert any(owner in problem for problem in found)


def test_pools_beyond_what_postgresql_allows() -> None:
    """Two poolers of 125 against 200: the layout that took a large instance's replica down five times."""
    busy = {
        "mastodon_pgbouncer": {"pool_size": 125, "reserve": 0},
        "mastodon_sidekiq_workers": [*REST, {"name": "push", "queues": ["push"], "threads": 150}],
    }
    inventory = cases.four(main=busy, worker=busy, db={"mastodon_postgres_max_connections": 200})
    one(
        inventory,
        "host db, mastodon_postgres_max_connections",
        "274 connections may be opened",
        "main 125 + 0, worker 125 + 0, direct 19, reserved 5",
        "200 are allowed: 74 too many",
        "set mastodon_postgres_max_connections: 274",
    )


def test_the_eleventh_host_with_a_pool_of_20() -> None:
    pool = {"mastodon_pgbouncer": {"pool_size": 20, "reserve": 0}}
    inventory = cases.four(pool, db={"mastodon_postgres_max_connections": 224})
    for number in range(8):
        inventory = cases.with_worker(inventory, f"extra{number}", f"10.40.1.{number + 1}", **pool)
    assert build(inventory)["ledger"]["server_pool"] == 200
    one(
        cases.with_worker(inventory, "eleventh", "10.40.1.11", **pool),
        "host db, mastodon_postgres_max_connections",
        "244 connections may be opened",
        "eleventh 20 + 0",
        "224 are allowed: 20 too many",
        "set mastodon_postgres_max_connections: 244",
    )


def test_without_a_pooler_every_client_counts() -> None:
    inventory = cases.four(
        {"mastodon_pgbouncer": {"enabled": False}},
        main={"mastodon_sidekiq_workers": REST},
        worker={"mastodon_sidekiq_workers": [{"name": "push", "queues": ["push"], "threads": 180}]},
        db={"mastodon_postgres_max_connections": 200},
    )
    one(inventory, "host db, mastodon_postgres_max_connections", "main ", "worker 180", "PgBouncer shares few")


TOO_SMALL = [
    ({"mastodon_memory_mb": 512}, "one Sidekiq process 400", "move one of its roles"),
    ({"mastodon_sidekiq_workers": [{**REST[0], "processes": 24}]}, "sidekiq_workers 9600", "of its 24 Sidekiq"),
]


@pytest.mark.parametrize(("settings", "claim", "way_out"), TOO_SMALL)
def test_memory_smaller_than_what_is_asked(settings: dict[str, Any], claim: str, way_out: str) -> None:
    (found,) = problems(cases.four(worker=settings))
    assert found.startswith("host worker, mastodon_memory_mb: ") and claim in found and way_out in found
    enough = int(found.partition("give it ")[2].split()[0])
    build(cases.four(worker={**settings, "mastodon_memory_mb": enough}))
    problems(cases.four(worker={**settings, "mastodon_memory_mb": enough - 65}))


def test_the_fewer_processes_that_it_names_fit() -> None:
    def wish(count: int) -> dict[str, Any]:
        return cases.four(worker={"mastodon_sidekiq_workers": [{**REST[0], "processes": count}]})

    (found,) = problems(wish(24))
    fewer = 24 - int(found.partition("leave ")[2].split()[0])
    build(wish(fewer))
    problems(wish(fewer + 1))


def test_nobody_knows_the_size_of_a_host() -> None:
    nothing = {"mastodon_cpus": None, "mastodon_memory_mb": None}
    one(
        cases.four(worker=nothing), "host worker, mastodon_cpus and mastodon_memory_mb: not declared", "--limit worker`"
    )


EXTERNAL = {"mastodon_s3_backend": "external"}


def test_external_storage_without_its_data() -> None:
    inventory = cases.single(EXTERNAL)
    del inventory["groups"]["minio"]
    found = problems(inventory)
    assert [problem.split(":")[0] for problem in found] == [
        f"group mastodon, mastodon_s3.{key}" for key in ("bucket", "endpoint", "access_key", "secret_key")
    ]


def test_external_storage_with_a_bad_endpoint() -> None:
    given = {"bucket": "b", "endpoint": "s3.example.net", "access_key": True, "secret_key": True}
    inventory = cases.single({**EXTERNAL, "mastodon_s3": given})
    del inventory["groups"]["minio"]
    one(inventory, "mastodon_s3.endpoint", "is not a URL of a host", "https://s3.example.org")


def test_minio_without_its_host_and_a_host_without_minio() -> None:
    without = cases.single({"mastodon_s3_backend": "minio"})
    del without["groups"]["minio"]
    one(without, "group mastodon, mastodon_s3_backend", "group minio has no host")
    one(cases.single({"mastodon_s3_backend": "none"}), "group minio: has a host, and mastodon_s3_backend is none")


def test_releases_of_every_architecture() -> None:
    single = {"release": "/a.tar.zst", "checksum": cases.CHECKSUM}
    arm = {"mastodon_architecture": "arm64"}
    one(cases.four({"mastodon_source": single}, worker=arm), "one release for hosts of amd64 and arm64", "{amd64: …")
    maps = {"release": {"amd64": "/a.tar.zst"}, "checksum": {"amd64": cases.CHECKSUM}}
    one(cases.four({"mastodon_source": maps}, worker=arm), "has none for arm64", "add arm64")
    both = {"release": {"amd64": "/a", "arm64": "/b"}, "checksum": {"amd64": cases.CHECKSUM}}
    one(cases.four({"mastodon_source": both}, worker=arm), "mastodon_source.checksum.arm64", "is missing")


def test_one_archive_of_a_program_for_two_architectures() -> None:
    ruby = {"method": "archive", "url": "https://example.org/ruby-amd64.tar.xz", "checksum": cases.CHECKSUM}
    arm = {"mastodon_architecture": "arm64"}
    told = "ruby-amd64.tar.xz for arm64 here, for amd64 on main"
    one(cases.four({"mastodon_ruby": ruby}, worker=arm), "host worker, mastodon_ruby.url", told, "archive of their own")
    own = {**arm, "mastodon_ruby": {**ruby, "url": "https://example.org/ruby-arm64.tar.xz"}}
    assert build(cases.four({"mastodon_ruby": ruby}, worker=own))["cluster"]["build_hosts"]["arm64"] == "worker"
    # A host without the application needs none.
    assert build(cases.four({"mastodon_ruby": ruby}, db=arm))


def test_a_cluster_setting_that_hosts_disagree_on() -> None:
    one(
        cases.four(db={"mastodon_version": "v4.5.0"}, main={"mastodon_version": "v4.6.5"}),
        "host main, mastodon_version",
        "'v4.6.5' here, 'v4.5.0' on db",
        "group_vars/mastodon.yml",
    )
    one(cases.four(main={"mastodon_tls": "files"}), "host main, mastodon_tls", "not set on db, media, worker")


def test_a_value_that_cannot_be_evaluated() -> None:
    inventory = cases.four()
    inventory["broken"] = {"worker": {"mastodon_cpus": "'nope' is undefined"}}
    inventory["origins"] = {"worker": {"mastodon_cpus": "host_vars/worker.yml:3"}}
    one(inventory, "host worker, mastodon_cpus (host_vars/worker.yml:3): its value cannot be evaluated: 'nope'")


def test_everything_at_once_in_one_message() -> None:
    inventory = cases.four(
        {"mastodon_domain": "x", "mastodon_tls": "tsl", "mastodon_foo": 1},
        worker={"mastodon_cpus": "x", "mastodon_sidekiq_workers": [{"name": "a", "queues": [["nope", 1]]}]},
        db={"mastodon_address": "nope"},
    )
    inventory["groups"]["redis"] = ["main", "db"]
    found = problems(inventory)
    assert len(found) == 7
    with pytest.raises(PlanError, match=r"7 problems\. No host was touched") as caught:
        build(inventory)
    lines = str(caught.value).splitlines()
    assert [line.split(".")[0].strip() for line in lines[1:]] == [str(number) for number in range(1, 8)]
    assert all(": " in line and "Fix: " in line for line in lines[1:])


def test_every_kind_of_bad_input_in_one_message() -> None:
    """The list of what must be refused; each finding has its path, the figure, the limit and a way out."""
    bad = [
        {"name": "a", "queues": [["video", 1]], "threads": 5},
        {"name": "b", "queues": [["default", 0]], "threads": 5},
        {"name": "c", "queues": ["push", "default"], "threads": 5},
        {"name": "d", "queues": ["pull"], "threads": 5000},
    ]
    timers = [{"name": "timers", "queues": ["scheduler"], "threads": 2}]
    pools = {"mastodon_pgbouncer": {"pool_size": 125, "reserve": 0}}
    inventory = cases.four(
        {"mastodon_environment": {"DB_POOL": None}},
        main={**pools, "mastodon_sidekiq_workers": [*timers, {**REST[0], "processes": 40}], "mastodon_memory_mb": -1},
        worker={**pools, "mastodon_sidekiq_workers": [*timers, *bad]},
        db={"mastodon_postgres_max_connections": 120, "mastodon_cpus": None, "mastodon_memory_mb": 16384},
        media={"mastodon_memory_mb": 99_999_999},
    )
    found = problems(inventory)
    for place, figure, limit in (
        ("host worker, mastodon_sidekiq_workers[1].queues[0]", "'video'", "Mastodon has default"),
        ("host worker, mastodon_sidekiq_workers[2].queues[0]", "weight 0", "leave the queue out"),
        ("host worker, mastodon_sidekiq_workers[3].queues", "behind push", "unit of their own"),
        ("host worker, mastodon_sidekiq_workers[4].threads", "5000", "from 1 to 200"),
        ("host main, mastodon_memory_mb", "-1", "from 256"),
        ("host media, mastodon_memory_mb", "99999999", "to 16000000"),
        ("host db, mastodon_cpus", "not declared", "survey.yml"),
        ("group mastodon, mastodon_environment", "DB_POOL", "remove it there"),
        ("group sidekiq_workers, mastodon_sidekiq_workers", "2 units", "leave scheduler in one"),
        ("host db, mastodon_postgres_max_connections", "connections may be opened", "120 are allowed"),
    ):
        matching = [text for text in found if text.startswith(place) and figure in text and limit in text]
        assert len(matching) == 1 and "Fix: " in matching[0], (place, found)


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "mastodon_pgbouncer": st.fixed_dictionaries(
            {}, optional={"pool_size": st.integers(1, 60), "reserve": st.integers(0, 20)}
        ),
        "mastodon_puma": st.fixed_dictionaries(
            {}, optional={"workers": st.integers(1, 8), "threads": st.integers(1, 16), "instances": st.integers(1, 3)}
        ),
        "mastodon_streaming": st.fixed_dictionaries(
            {}, optional={"processes": st.integers(1, 4), "db_pool": st.integers(1, 30)}
        ),
        "mastodon_sidekiq_workers": st.builds(
            lambda threads, more, count: [
                {**REST[0], "threads": threads, "db_pool": threads + more, "processes": count}
            ],
            st.integers(1, 100),
            st.integers(0, 20),
            st.integers(1, 8),
        ),
        "mastodon_postgres_max_connections": st.integers(250, 400),
        "mastodon_unit_memory_mb": st.fixed_dictionaries({"minio": st.integers(64, 2000)}),
    },
)


@settings(max_examples=60)
@given(WISHES, st.integers(32_768, 65_536))
def test_no_wish_is_made_smaller_in_silence(wish: dict[str, Any], memory: int) -> None:
    """It is in the plan as it was written, or a warning has its name."""
    plan = build(cases.single(**{"mastodon_cpus": 8, "mastodon_memory_mb": memory, **wish}))
    host = plan["hosts"]["main"]
    own = [unit for unit in host["sidekiq_workers"] if unit["name"].startswith("rest")]
    units = (wish.get("mastodon_sidekiq_workers") or [{}])[0]
    puma, streaming = wish.get("mastodon_puma", {}), wish.get("mastodon_streaming", {})
    pool = wish.get("mastodon_pgbouncer", {})
    for setting, wanted, has in (
        ("mastodon_pgbouncer.pool_size", pool.get("pool_size"), host["pgbouncer"]["pools"][0]["pool_size"]),
        ("mastodon_pgbouncer.reserve", pool.get("reserve"), host["pgbouncer"]["pools"][0]["reserve"]),
        ("mastodon_puma.workers", puma.get("workers"), host["puma"][0]["workers"]),
        ("mastodon_puma.threads", puma.get("threads"), host["puma"][0]["threads"]),
        ("mastodon_puma.instances", puma.get("instances"), len(host["puma"])),
        ("mastodon_streaming.processes", streaming.get("processes"), len(host["streaming"])),
        ("mastodon_streaming.db_pool", streaming.get("db_pool"), host["streaming"][0]["db_pool"]),
        ("mastodon_sidekiq_workers", units.get("processes"), len(own)),
        ("mastodon_sidekiq_workers", units.get("threads"), own[0]["threads"] if own else None),
        ("mastodon_sidekiq_workers", units.get("db_pool"), own[0]["db_pool"] if own else None),
        (
            "mastodon_postgres_max_connections",
            wish.get("mastodon_postgres_max_connections"),
            plan["ledger"]["max_connections"],
        ),
        (
            "mastodon_unit_memory_mb.minio",
            wish.get("mastodon_unit_memory_mb", {}).get("minio"),
            host["memory_mb"]["claims"]["minio"],
        ),
    ):
        told = any(setting in warning and str(wanted) in warning for warning in plan["warnings"])
        assert wanted is None or has == wanted or told, (setting, wanted, has)


def test_the_same_slip_on_many_hosts_is_one_problem() -> None:
    one(cases.four({"mastodon_cpus": 0}), "group mastodon, mastodon_cpus")
    one(cases.four(main={"mastodon_cpus": 0}, worker={"mastodon_cpus": 0}), "group sidekiq_workers, mastodon_cpus")
    one(cases.four(db={"mastodon_cpus": 0}, worker={"mastodon_cpus": 0}), "hosts db, worker, mastodon_cpus")
