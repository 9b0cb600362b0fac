"""What must hold for every plan (sizing 2.3). Each function takes a plan and fails with what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import capacity, cpu, postgres_memory
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import QUEUES
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import DEFAULT

Plan = dict[str, Any]
SLOW = {"push", "pull", "fasp"}
KB = {"kB": 1, "MB": 1024, "GB": 1024 * 1024}


def units(plan: Plan, always: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sidekiq processes with their hosts; only those that always run, unless told otherwise."""
    for name, host in plan["hosts"].items():
        for unit in host.get("sidekiq_workers", ()):
            if not (always and unit["on_demand"]):
                yield name, unit


def served(unit: dict[str, Any]) -> list[str]:
    """Its queues."""
    return [queue for queue, _ in unit["queues"]]


def clients(host: dict[str, Any], key: str = "db_pool") -> int:
    """Database connections that a host's processes may open."""
    web = sum(puma["workers"] * puma[key] for puma in host.get("puma", ()))
    return web + sum(each[key] for kind in ("streaming", "sidekiq_workers") for each in host.get(kind, ()))


def kilobytes(value: Any) -> int:
    """PostgreSQL's spelling of memory."""
    return int(value[:-2]) * KB[value[-2:]]


def i1_one_scheduler(plan: Plan) -> None:
    assert sum("scheduler" in served(unit) for _, unit in units(plan, always=False)) == 1


def i2_every_queue_is_served(plan: Plan) -> None:
    assert {queue for _, unit in units(plan) for queue in served(unit)} == set(QUEUES)


def i3_what_people_wait_for_is_apart_or_it_is_said(plan: Plan) -> None:
    for queue in ("default", "ingress", "mailers"):
        apart = any(queue in served(unit) and not SLOW & set(served(unit)) for _, unit in units(plan))
        assert apart or any(warning.startswith("No process has") and queue in warning for warning in plan["warnings"])


def i4_no_strict_list_starves(plan: Plan) -> None:
    for _, unit in units(plan, always=False):
        order = served(unit)
        if any(weight is None for _, weight in unit["queues"]) and SLOW & set(order[:-1]):
            first = min(order.index(queue) for queue in ("push", "pull") if queue in order)
            assert not {"default", "ingress", "mailers", "scheduler"} & set(order[first:])


def i5_pools_hold_the_threads(plan: Plan) -> None:
    assert all(unit["db_pool"] >= unit["threads"] for _, unit in units(plan, always=False))
    assert all(puma["db_pool"] >= puma["threads"] for host in plan["hosts"].values() for puma in host.get("puma", ()))


def i6_poolers_take_their_clients(plan: Plan) -> None:
    for host in plan["hosts"].values():
        if "pgbouncer" in host:
            assert clients(host) <= host["pgbouncer"]["max_client_conn"]
        else:
            assert not clients(host) or not any("pgbouncer" in other for other in plan["hosts"].values())


def i7_and_i8_connections_fit(plan: Plan) -> None:
    ledger = plan["ledger"]
    pools = [pool for host in plan["hosts"].values() for pool in host.get("pgbouncer", {}).get("pools", ())]
    assert ledger["server_pool"] == sum(pool["pool_size"] for pool in pools)
    assert ledger["reserve"] == sum(pool["reserve"] for pool in pools)
    opened = ledger["server_pool"] + ledger["reserve"] if pools else ledger["clients"]
    database = plan["hosts"][plan["cluster"]["hosts"]["postgres"]]["postgres"]
    assert opened + ledger["direct"] + ledger["reserved"] <= ledger["max_connections"] == database["max_connections"]


def i9_memory_is_given_away_once(plan: Plan) -> None:
    for host in plan["hosts"].values():
        memory = host["memory_mb"]
        claimed = sum(memory["claims"].values())
        assert all(size >= 0 for size in memory["claims"].values())
        assert memory["free"] == memory["total"] - memory["reserve"] - claimed
        assert memory["free"] >= 0.1 * memory["total"]
        running = [role for role in ("puma", "sidekiq_workers", "postgres", "redis", "minio") if host.get(role)]
        assert all(memory["claims"].get(role, 0) > 0 for role in running)


def i10_postgresql_fits_its_claim(plan: Plan) -> None:
    for host in plan["hosts"].values():
        if "postgres" not in host:
            continue
        postgres, settings = host["postgres"], host["postgres"]["settings"]
        sizes = postgres_memory.Sizes(
            kilobytes(settings["shared_buffers"]),
            kilobytes(settings["work_mem"]),
            kilobytes(settings["maintenance_work_mem"]),
            kilobytes(settings.get("autovacuum_work_mem", settings["maintenance_work_mem"])),
        )
        load = postgres_memory.Load(
            postgres["max_connections"],
            plan["ledger"]["server_pool"] + plan["ledger"]["reserve"],
            int(settings.get("autovacuum_max_workers", 3)),
        )
        assert sum(postgres_memory.parts(sizes, load).values()) <= postgres["memory_mb"] * 1024
        assert postgres["nr_hugepages"] * 2 <= postgres["memory_mb"] == host["memory_mb"]["claims"]["postgres"]
        assert host["limits"]["sysctl"].get("vm.nr_hugepages", 0) == postgres["nr_hugepages"]


def i11_redis_has_room_to_save(plan: Plan) -> None:
    for host in plan["hosts"].values():
        needed = 0
        for redis in host.get("redis", ()):
            cache_only = redis["serves"] == ["cache"]
            assert redis["policy"] == ("allkeys-lru" if cache_only else "noeviction")
            assert redis["appendonly"] is not cache_only
            needed += redis["maxmemory_mb"] if cache_only else math.floor(1.5 * redis["maxmemory_mb"])
        assert needed <= host["memory_mb"]["claims"].get("redis", 0)


def i12_cores_are_not_promised_twice(plan: Plan) -> None:
    share = sum(plan["hosts"][name]["cores"] for name in {name for name, _ in units(plan)})
    jobs = plan["forecast"]["jobs_per_second"]
    spent = sum(rate * capacity.cpu_ms(DEFAULT.queues[queue], 5) / 1000 for queue, rate in jobs.items())
    assert spent <= (cpu.DESIGN_LOAD + 0.05) * share + 0.01


def i13_files_suffice(plan: Plan) -> None:
    for host in plan["hosts"].values():
        files, sysctl = host["limits"]["nofile"], host["limits"]["sysctl"]
        for unit in host.get("sidekiq_workers", ()):
            assert files["sidekiq_workers"] >= 512 + 5 * unit["threads"] + 100
        for redis in host.get("redis", ()):
            assert files["redis"] >= redis["maxclients"] + 32
        if "pgbouncer" in host:
            pools = sum(pool["pool_size"] + pool["reserve"] for pool in host["pgbouncer"]["pools"])
            assert files["pgbouncer"] == host["pgbouncer"]["nofile"]
            assert files["pgbouncer"] >= host["pgbouncer"]["max_client_conn"] + pools + 128
        if "nginx" in host:
            nginx = host["nginx"]
            assert files["nginx"] >= nginx["worker_rlimit_nofile"] >= 2 * nginx["worker_connections"]
        if "postgres" in host:
            assert 1000 * host["postgres"]["max_connections"] <= sysctl["fs.file-max"]


def i15_migrations_go_past_the_pooler(plan: Plan) -> None:
    database = plan["hosts"][plan["cluster"]["hosts"]["postgres"]]
    allowed = {client["host"] for client in database["postgres"]["clients"]}
    for name, host in plan["hosts"].items():
        direct = host.get("mastodon", {}).get("database_direct")
        if direct:
            assert direct["port"] == database["postgres"]["port"] and name in allowed
            assert direct["host"] in database["postgres"]["listen_addresses"]


def i16_every_stream_is_behind_nginx(plan: Plan) -> None:
    running = {
        (name, process["address"], process["port"])
        for name, host in plan["hosts"].items()
        for process in host.get("streaming", ())
    }
    assert all(process["db_pool"] > 0 for host in plan["hosts"].values() for process in host.get("streaming", ()))
    for entry in plan["cluster"]["hosts"]["nginx"]:
        listed = plan["hosts"][entry]["nginx"]["streaming"]
        assert {(each["host"], each["address"], each["port"]) for each in listed} == running


def i17_redis_takes_its_clients(plan: Plan) -> None:
    found = {"base": 0, "sidekiq": 0, "cache": 0}
    for host in plan["hosts"].values():
        processes = [(unit["threads"], 1) for unit in host.get("sidekiq_workers", ())]
        processes += [(puma["threads"], puma["workers"]) for puma in host.get("puma", ())]
        for threads, count in processes:
            found["base"] += (threads + 1) * count
            found["cache"] += threads * count
        found["sidekiq"] += sum(threads + 10 for threads, _ in processes[: len(host.get("sidekiq_workers", ()))])
        found["sidekiq"] += sum(10 * puma["workers"] for puma in host.get("puma", ()))
        found["base"] += 2 * len(host.get("streaming", ()))
    for redis in plan["hosts"][plan["cluster"]["hosts"]["redis"]]["redis"]:
        assert sum(found[name] for name in redis["serves"]) <= 0.95 * redis["maxclients"]


ALL: tuple[Callable[[Plan], None], ...] = tuple(
    check for name, check in list(globals().items()) if name.startswith("i") and name[1:2].isdigit()
)


def hold(plan: Plan) -> None:
    """All of them."""
    for check in ALL:
        check(plan)
