"""What the page of the plan shows: everything, once, and bars that add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import plan_cases as cases
import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import page, page_bars, page_words, why
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build

from tests import golden

MANY = 200
EXTERNAL = {"bucket": "b", "endpoint": "https://s3.example.net", "access_key": True, "secret_key": True}


def many() -> dict[str, Any]:
    """One entry, a database, and workers up to MANY hosts; names with dots, some of them far away."""
    names = [f"w{number}.example.net" for number in range(MANY - 2)]
    groups = {role: ["main"] for role in ("redis", "minio", "puma", "streaming", "nginx")}
    groups |= {"postgres": ["db"], "sidekiq_workers": names}
    unit = {
        "name": "few",
        "queues": ["default", "ingress", "mailers", "push", "pull", "fasp"],
        "threads": 5,
        "processes": 2,
    }
    own: dict[str, dict[str, Any]] = {name: {"mastodon_sidekiq_workers": [unit]} for name in names}
    for name in names[:50]:
        own[name]["mastodon_db_rtt_ms"] = 20
    return cases.raw(groups, {"mastodon_cpus": 4, "mastodon_memory_mb": 8192}, **own)


def plans() -> dict[str, dict[str, Any]]:
    """Shipped inventories, many hosts, media elsewhere or on disk."""
    found = {layout: golden.plan(layout) for layout in golden.layouts()}
    found["many"] = build(many())
    for name, cluster in (
        ("external", {"mastodon_s3_backend": "external", "mastodon_s3": EXTERNAL}),
        ("disk", {"mastodon_s3_backend": "none"}),
    ):
        inventory = cases.single(cluster)
        del inventory["groups"]["minio"]
        found[name] = build(inventory)
    return found


PLANS = plans()
each_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary of a view."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@each_plan
def test_bars_add_up(plan: dict[str, Any]) -> None:
    view = page.view(plan)
    bars = [view["ledger"]["bar"], *(host["bar"] for host in view["hosts"])]
    bars += [queue["bar"] for queue in view["forecast"]["queues"] if queue["alone"] != "0"]
    for bar in bars:
        assert sum(part["width"] for part in bar) == pytest.approx(100, abs=0.01)
        for left, right in zip(bar, bar[1:]):
            assert left["x"] + left["width"] == pytest.approx(right["x"], abs=0.01)
    for host in view["hosts"]:
        assert sum(part["amount"] for part in host["bar"]) == plan["hosts"][host["name"]]["memory_mb"]["total"]
    assert sum(part["amount"] for part in view["ledger"]["bar"]) == plan["ledger"]["max_connections"]


@each_plan
def test_every_reason_is_there_once(plan: dict[str, Any]) -> None:
    """One of every host stands beside each host's number; where hosts are many, once for all."""
    shown = Counter(path for item in walk(page.view(plan)) for path in item.get("paths", ()))
    wanted: Counter[str] = Counter()
    for path in (reason["path"] for reason in plan["why"]):
        below = path.removeprefix(f"{why.EVERY}.")
        everywhere = below != path and len(plan["hosts"]) <= page.FOLD_BEYOND
        wanted[path] += (
            sum(any(True for _ in why.at(host, below)) for host in plan["hosts"].values()) if everywhere else 1
        )
    assert shown == wanted


def test_a_reason_of_every_host_has_each_hosts_number() -> None:
    view = page.view(PLANS["chaos_social"])
    for host in view["hosts"]:
        (reserve,) = [reason for reason in host["memory_why"] if reason["label"] == "memory_mb.reserve"]
        assert reserve["value"] == page_words.number(
            PLANS["chaos_social"]["hosts"][host["name"]]["memory_mb"]["reserve"]
        )
    (main,) = [host for host in view["hosts"] if host["name"] == "main"]
    (relay,) = [row for row in main["rows"] if row["process"] == "relay"]
    assert "16379, 16380, 16381" in [reason["value"] for reason in relay["why"]]
    tables = {table["title"]: table for table in main["settings"]}
    assert all(row["why"] for title in ("Open files per process", "Kernel") for row in tables[title]["rows"])


@each_plan
def test_every_host_and_process_is_there(plan: dict[str, Any]) -> None:
    view = page.view(plan)
    assert [host["name"] for host in view["hosts"]] == list(plan["hosts"])
    for form in view["drawing"]["forms"]:
        drawn = [name for box in form["boxes"] for name in box["names"] if not box["outside"]]
        assert sorted(drawn) == sorted(plan["hosts"])
    for host in view["hosts"]:
        given = plan["hosts"][host["name"]]
        units = [name for row in host["rows"] for name in row.get("units", ())]
        assert units == [unit["name"] for unit in given.get("sidekiq_workers", ())]
        assert sum(row["process"].startswith("Puma") for row in host["rows"]) == len(given.get("puma", ()))
        settings = {row["name"] for table in host["settings"] for row in table["rows"]}
        assert settings >= set(given.get("postgres", {}).get("settings", {}))


@each_plan
def test_no_number_is_missing(plan: dict[str, Any]) -> None:
    for item in walk(page.view(plan)):
        for key, value in item.items():
            assert value is not None or key == "inside", key
            assert value != page_words.UNKNOWN, key


@each_plan
def test_the_drawing_holds_together(plan: dict[str, Any]) -> None:
    """Lines begin at a box, end on their lane, and each kind of talk has both who asks and who answers."""
    for form in page.view(plan)["drawing"]["forms"]:
        boxes, lanes = form["boxes"], {lane["lane"]: lane for lane in form["lanes"]}
        assert all(above["y"] + above["height"] < below["y"] for above, below in zip(boxes, boxes[1:]))
        assert boxes[-1]["y"] + boxes[-1]["height"] <= form["height"]
        assert {"https", "web", "sql", "redis"} <= set(lanes)
        for lane in lanes.values():
            taps = [tap for tap in form["taps"] if tap["lane"] == lane["lane"]]
            assert {tap["inward"] for tap in taps} == {True, False}
            assert boxes[0]["width"] < lane["x"] < form["width"]
            for tap in taps:
                assert (tap["x1"], tap["x2"]) == (boxes[0]["width"], lane["x"])
                assert lane["y1"] <= tap["y"] <= lane["y2"]
                assert any(box["y"] < tap["y"] < box["y"] + box["height"] for box in boxes)


def test_many_hosts_share_a_box() -> None:
    view = page.view(PLANS["many"])
    assert not view["hosts_open"]
    boxes = [box for box in view["drawing"]["forms"][0]["boxes"] if not box["outside"]]
    assert len(boxes) == 3
    assert boxes[1]["full"].startswith("198 hosts: ")
    away = next(line["full"] for line in boxes[1]["lines"] if line["name"] == "PgBouncer")
    assert away.endswith("up to 20 ms")


def test_hosts_beyond_a_dozen_are_folded_and_not_before() -> None:
    inventory = cases.four()
    for number in range(9):
        assert len(page.view(build(inventory))["drawing"]["forms"][0]["boxes"]) == 5 + number
        inventory = cases.with_worker(inventory, f"w{number}", f"10.40.1.{number + 1}")
    assert len(page.view(build(inventory))["drawing"]["forms"][0]["boxes"]) == 5


def test_round_trips_are_shown_where_there_are_some() -> None:
    view = page.view(build(cases.four(worker={"mastodon_db_rtt_ms": 20, "mastodon_redis_rtt_ms": 3})))
    trips = {host["name"]: host["round_trips"] for host in view["hosts"]}
    assert trips["worker"] == ["20 ms to PostgreSQL", "3 ms to Redis"]
    assert trips["db"] == []


def test_reasons_of_units_that_are_alike_are_said_once() -> None:
    plan = PLANS["chaos_social"]
    worker = next(host for host in page.view(plan)["hosts"] if host["name"] == "worker")
    for row in worker["rows"]:
        labels = [re.sub(r"\[.*?-\d+\]", "", reason["label"]) for reason in row["why"]]
        assert len(labels) == len(set(labels)), row["process"]


def test_more_arrivals_than_a_queue_takes_are_said() -> None:
    parts = {part["label"]: part["amount"] for part in page_bars.queue(30.0, 20.0, 25.0)}
    assert parts == {"arrives": 20.0, "too much": 10.0}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (127, "2 min 7 s"), (3600, "1 h"), (90061, "25 h 1 min")]
)
def test_times_have_two_units_at_most(seconds: int, text: str) -> None:
    assert page_words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.03, "0.03"), (1.0, "1"), (2169.04, "2,169.0"), (None, "unknown")]
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert page_words.number(value) == text


def test_a_cluster_that_never_recovers_says_so() -> None:
    plan = PLANS["single_host"]
    forecast = {**plan["forecast"], "recovery_after_one_hour_s": None}
    view = page.view({**plan, "forecast": forecast})
    assert "never" in view["forecast"]["recovery"]
    assert any(figure["value"] == "never" for figure in view["figures"])
