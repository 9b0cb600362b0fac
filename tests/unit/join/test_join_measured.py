"""How far hosts are that join: what was measured, what is kept, and what the plan makes of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import measured
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build

from tests.unit.plan.plan_cases import four, with_worker

FAR = {"mastodon_db_rtt_ms": 20.3}


def trip(ms: float | None, reason: str = "") -> dict[str, Any]:
    return {"address": "10.40.0.1", "port": 5432, "ms": ms, "reason": reason}


def test_redis_has_a_figure_where_it_differs() -> None:
    assert measured.figures({"database": trip(20.3), "redis": trip(21.0)}) == FAR
    assert measured.figures({"database": trip(20.3), "redis": trip(40.0)}) == {**FAR, "mastodon_redis_rtt_ms": 40.0}
    assert measured.figures({"redis": trip(4.0)}) == {"mastodon_redis_rtt_ms": 4.0}
    assert measured.figures({"database": trip(None, "a firewall?")}) == measured.figures({}) == {}


def test_a_host_is_kept_also_when_nothing_could_be_measured_and_forgotten_when_it_left() -> None:
    text = measured.added(None, {"pi": FAR, "shed": {}})
    kept = yaml.safe_load(text)
    assert measured.read(kept) == {"pi": FAR, "shed": {}}
    assert measured.added(kept, {}) == text
    assert measured.read(yaml.safe_load(measured.gone(kept, "pi"))) == {"shed": {}}
    assert measured.read(yaml.safe_load(measured.gone(None, "pi"))) == {}


@pytest.mark.parametrize(
    "raw",
    [
        ["pi"],
        {"hosts": {}},
        {"mastodon_measured": ["pi"]},
        {"mastodon_measured": {"pi": 20}},
        {"mastodon_measured": {"pi": {"mastodon_db_rtt_ms": "far"}}},
        {"mastodon_measured": {"pi": {"mastodon_cpus": 4}}},
    ],
)
def test_a_file_with_something_else_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match="mastodon_measured holds something else: restore it"):
        measured.read(raw)


def test_what_was_not_measured_says_what_to_declare() -> None:
    targets = {"database": {"host": "db"}, "redis": {"host": "main"}}
    told = measured.lines("pi", targets, {"database": trip(20.3), "redis": trip(None, "no answer")})
    assert told == [
        "pi: 20.3 ms to db (database), by 10.40.0.1 port 5432.",
        "pi: how far it is to main (redis) could not be measured: no answer. It is planned as near; declare"
        " mastodon_redis_rtt_ms if it is not.",
    ]
    assert "db has no mastodon_address" in measured.lines("pi", targets, {})[0]


def share(known: dict[str, float] | None, **declared: Any) -> dict[str, Any]:
    inventory = with_worker(four(), "pi", "10.40.0.9", **declared)
    if known is not None:
        inventory["hosts"]["pi"]["measured"] = known
    found: dict[str, Any] = build(inventory)["hosts"]["pi"]
    return found


def test_the_plan_takes_a_measured_distance_as_it_takes_a_declared_one() -> None:
    assert share(FAR) == share(None, mastodon_db_rtt_ms=20.3) != share(None)
    both = {**FAR, "mastodon_redis_rtt_ms": 40.0}
    assert share(both) == share(None, mastodon_db_rtt_ms=20.3, mastodon_redis_rtt_ms=40.0) != share(FAR)
    assert share({}) == share(None)


def test_what_is_declared_wins() -> None:
    assert share({**FAR, "mastodon_redis_rtt_ms": 40.0}, mastodon_db_rtt_ms=2.0) == share(None, mastodon_db_rtt_ms=2.0)
    assert share(FAR, mastodon_redis_rtt_ms=30.0) == share(None, **FAR, mastodon_redis_rtt_ms=30.0)
