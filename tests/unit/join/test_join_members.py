"""Who may join or leave, whom it needs, which doors are concerned, and where more processes fit."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import journal, members, surge, took
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build

from tests.unit.plan.plan_cases import four, with_worker

INVENTORY = with_worker(
    four({"mastodon_worker_identity": "shared"}), "pi", "10.40.0.9", mastodon_worker_identity="shared"
)
PLAN = build(INVENTORY)
OWN = build(
    with_worker(
        four({"mastodon_worker_identity": "per_worker"}),
        "pi",
        "10.40.0.9",
        mastodon_worker_epoch=3,
        mastodon_worker_identity="per_worker",
    )
)


def test_several_are_named_with_commas() -> None:
    assert members.named(" pi, shed,,pi ") == ["pi", "shed"]


def test_the_first_worker_of_all_is_no_join() -> None:
    groups = {"mastodon": ["main", "pi"], "sidekiq_workers": ["pi"]}
    assert "site.yml" in members.join_problems(groups, "pi")[0]
    assert "only host" in members.leave_problems(groups, "pi", "pi", None, force=False)[0]


def test_the_plan_speaks_against_tasks_that_exist_once() -> None:
    assert members.plan_problems(PLAN, ["pi"], joining=True) == []
    assert members.plan_problems(PLAN, ["pi"], joining=False) == []
    told = " ".join(members.plan_problems(PLAN, ["main"], joining=False))
    for word in ("migrates the database", "has the scheduler", "builds for worker, pi"):
        assert word in told


def test_only_those_who_let_it_in_and_who_build_are_needed() -> None:
    assert members.needed(PLAN, ["pi"]) == ["db", "main"]
    assert members.reference(PLAN, ["pi"], ["worker", "db"]) == "worker"
    assert members.reference(PLAN, ["pi"], ["worker", "main"]) == "main"
    assert members.reference(PLAN, ["pi"], ["db"]) == ""


def test_doors_name_every_server_that_it_uses_and_no_other() -> None:
    found = members.doors(PLAN, "pi")
    assert found["identity"] == "shared" and found["address"] == "10.40.0.9"
    assert found["postgresql"] == {"host": "db", "port": 5432, "database": "mastodon_production", "owner": "mastodon"}
    assert found["redis"] == {"host": "main", "instances": ["base", "sidekiq", "cache"]}
    assert found["firewall"] == [{"host": "db", "ports": [5432]}, {"host": "main", "ports": [6379, 6380, 6381]}]
    assert found["minio"] == []
    own = members.doors(OWN, "pi")
    assert (own["identity"], own["epoch"]) == ("per_worker", 3)
    assert own["minio"] == [{"host": "media", "endpoint": "http://10.40.0.3:9000", "bucket": "mastodon"}]
    assert members.needed(OWN, ["pi"]) == ["db", "main", "media"]


def test_a_journal_is_read_as_it_was_written() -> None:
    doors = members.doors(PLAN, "pi")
    begun = yaml.safe_load(journal.begun(None, doors, member=False))
    assert journal.unfinished(begun, []) == [doors] and journal.unfinished(begun, ["pi"]) == []
    mine = {"identity": "raspberrypi:8:a", "hostname": "raspberrypi", "instance": "main", "mine": True}
    done = yaml.safe_load(journal.done(begun, doors, [{**mine, "hostname": "other", "mine": False}, mine]))
    assert journal.unfinished(done, []) == [] and journal.hostname(done, "pi") == "raspberrypi"
    again = yaml.safe_load(journal.begun(done, doors, member=True))
    assert journal.unfinished(again, []) == [] and journal.hostname(again, "pi") == "raspberrypi"
    assert yaml.safe_load(journal.gone(done, "pi")) == {journal.NAME: {}}
    own = members.doors(OWN, "pi")
    assert yaml.safe_load(journal.gone(done, "pi", own, ["db"])) == {journal.NAME: {}}
    waiting = yaml.safe_load(journal.gone(done, "pi", own, ["media"]))
    assert journal.unfinished(waiting, []) == [own] and not journal.settled(waiting, "pi", "")
    assert journal.hostname(None, "pi") == ""
    with pytest.raises(ValueError, match="something else"):
        journal.read({"hosts": 1})


def test_a_join_is_settled_while_its_settings_are_the_same_and_everybody_has_heard() -> None:
    doors, settings = members.doors(PLAN, "pi"), journal.fingerprint({"mastodon_smtp": {"port": 25}}, "key")
    done = yaml.safe_load(journal.done(None, doors, [], settings))
    assert journal.settled(done, "pi", settings)
    assert not journal.settled(done, "shed", settings) and not journal.settled(None, "pi", settings)
    for variables, key in (({"mastodon_smtp": {"port": 587}}, "key"), ({"mastodon_smtp": {"port": 25}}, "other")):
        assert not journal.settled(done, "pi", journal.fingerprint(variables, key))
    assert not journal.settled(yaml.safe_load(journal.begun(None, doors, member=False)), "pi", "")
    assert not journal.settled(yaml.safe_load(journal.done(None, doors, [], settings, ["away"])), "pi", settings)
    with pytest.raises(ValueError, match="secrets"):
        journal.fingerprint({}, "")


def placed(wanted: int, there: list[str], plan: Any = PLAN) -> dict[str, int]:
    return {host: len(units) for host, units in surge.spread(plan, "push", wanted, there)["hosts"].items()}


def test_a_surge_goes_where_there_is_room_and_says_what_does_not_fit() -> None:
    everybody = PLAN["cluster"]["hosts"]["sidekiq_workers"]
    most = surge.spread(PLAN, "push", 1000, everybody)
    for host, units in most["hosts"].items():
        share = PLAN["hosts"][host]
        assert len(units) * surge.unit_memory(share) <= share["memory_mb"]["free"]
        used = sum(unit["db_pool"] for unit in (*share["sidekiq_workers"], *units))
        assert used <= share["pgbouncer"]["max_client_conn"]
        assert [unit["name"] for unit in units] == [f"surge-{number}" for number in range(1, len(units) + 1)]
        assert all(unit["queues"] == [["push", None]] and unit["on_demand"] for unit in units)
    assert most["count"] < 1000 and "of 1000 processes fit" in most["notes"][0]
    assert set(placed(1, ["pi"])) == {"pi"}
    with pytest.raises(ValueError, match="none of them answers"):
        placed(1, [])


def test_a_surge_has_an_end() -> None:
    assert surge.duration("2h") == 7200 and surge.duration("90m") == 5400 and surge.duration("1h 30min") == 5400
    for text in ("", "2", "0s", "forever", "infinity", "25h"):
        with pytest.raises(ValueError, match="24h at most"):
            surge.duration(text)


@pytest.mark.parametrize(
    ("size", "latency", "better"),
    [(0, None, True), (1000, 80.0, False), (740, 80.0, True), (1000, 59.0, True), (1500, 75.0, False)],
)
def test_what_counts_as_better(size: int, latency: float | None, better: bool) -> None:
    before = {"size": 1000, "latency_s": 80.0}
    assert surge.improved(before, {"size": size, "latency_s": latency}) is better


def test_a_join_that_gave_no_answer_is_told() -> None:
    found = took.joined({"pi": {"__worker_steps": [["grant", 10.0], ["host", 12.5]]}})
    assert found["failure"] == "pi has not joined; see above."
    assert "after 2.5 s at `grant`" in found["lines"][1] and "gave no answer" in found["lines"][2]


def test_a_leave_says_what_it_leaves_behind() -> None:
    orderly = {"drained_in_s": 7.0, "jobs_requeued": 2, "notes": ["a note"]}
    shared, own = (" ".join(took.left(plan, "pi", orderly, {}, False)) for plan in (PLAN, OWN))
    assert "passwords that all hosts share" in shared and "passwords that all hosts share" not in own
    for word in ("2 jobs in hand were pushed back", "a note", "worker_erase", "take pi out of it"):
        assert word in own
    assert "MinIO on media" in own and "was not reached" not in own
    waits = " ".join(took.left(OWN, "pi", orderly, {}, False, ["media"]))
    assert "MinIO on media was not reached: its key mastodon_pi opens" in waits and ", MinIO on" not in waits
