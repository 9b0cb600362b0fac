"""Queues of the plan against queues of the release."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import UnitsError
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.queues import resolve
from hypothesis import given
from hypothesis import strategies as st

RELEASE = [
    ["default", 8],
    ["push", 6],
    ["ingress", 4],
    ["mailers", 2],
    ["pull", None],
    ["scheduler", None],
    ["fasp", None],
]


def unit(name: str, *queues: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "queues": [list(queue) for queue in queues], "threads": 5, **more}


def listened(instances: list[dict[str, Any]]) -> list[str]:
    return [queue[0] for item in instances for queue in item["queues"]]


def test_nothing_changes_where_plan_and_release_agree() -> None:
    wished = [unit("main", *RELEASE[:5], RELEASE[6], takes_rest=True), unit("scheduler", RELEASE[5])]
    resolved = resolve(wished, RELEASE)
    assert resolved.instances == wished
    assert resolved.notes == []


def test_a_queue_that_the_release_lost_is_dropped_and_said() -> None:
    resolved = resolve([unit("main", ["default", 8], ["gone", 1])], [["default", 8]])
    assert resolved.instances[0]["queues"] == [["default", 8]]
    assert resolved.notes == ["main: the release has no queue gone; not listened to"]


def test_a_queue_that_the_release_gained_is_taken_by_one() -> None:
    wished = [
        unit("a", ["default", 8]),
        unit("b", ["push", 6], takes_rest=True),
        unit("c", ["push", 1], takes_rest=True),
    ]
    resolved = resolve(wished, [["default", 8], ["push", 6], ["media", 3], ["new", None]])
    assert [item["queues"] for item in resolved.instances] == [
        [["default", 8]],
        [["push", 6], ["media", 3], ["new", 1]],
        [["push", 1]],
    ]
    assert resolved.notes == ["b: also takes media, new, which the plan does not know"]


def test_the_rest_does_not_turn_a_strict_order_into_weights() -> None:
    wished = [unit("a", ["push", None], ["pull", None], takes_rest=True)]
    resolved = resolve(wished, [["push", 6], ["pull", None], ["media", 3]])
    assert resolved.instances[0]["queues"] == [["push", None], ["pull", None], ["media", None]]


def test_queues_of_other_hosts_are_not_the_rest() -> None:
    resolved = resolve([unit("a", ["push", 6], takes_rest=True)], RELEASE, ["default", "ingress", "mailers", "pull"])
    assert listened(resolved.instances) == ["push", "fasp"]


@pytest.mark.parametrize(
    ("instances", "release", "words"),
    [
        ([unit("a", ["gone", 1])], RELEASE, "instance a would listen to no queue"),
        ([unit("a")], RELEASE, "instance a would listen to no queue"),
        ([unit("a", ["push", 1])], [], "names no queues"),
        ([unit("a", ["push", 0])], RELEASE, "queue push has the weight 0"),
        ([unit("a", ["push", True])], RELEASE, "queue push has the weight True"),
        ([unit("a", ["push", 1], ["push", 2])], RELEASE, "queue listed twice: push"),
        (
            [unit("a", ["scheduler", None]), unit("b", ["scheduler", 1])],
            RELEASE,
            r"2 instances listen to scheduler \(a, b\)",
        ),
    ],
)
def test_refused(instances: list[dict[str, Any]], release: list[Any], words: str) -> None:
    with pytest.raises(UnitsError, match=words):
        resolve(instances, release)


NAMES = st.sampled_from(["default", "push", "ingress", "mailers", "pull", "fasp", "scheduler", "gone", "media"])
WEIGHTS = st.one_of(st.none(), st.integers(1, 9))
QUEUES = st.lists(st.tuples(NAMES, WEIGHTS).map(list), unique_by=lambda queue: queue[0], min_size=1, max_size=7)


@given(st.lists(QUEUES, min_size=1, max_size=4), QUEUES, st.integers(0, 3))
def test_every_queue_of_the_release_is_listened_to_once_somebody_takes_the_rest(
    wished: list[list[Any]], release: list[Any], taker: int
) -> None:
    instances = [unit(str(number), *queues, takes_rest=number == taker) for number, queues in enumerate(wished)]
    try:
        resolved = resolve(instances, release)
    except UnitsError:
        return
    names = listened(resolved.instances)
    released = {queue[0] for queue in release}
    assert set(names) <= released
    assert names.count("scheduler") <= 1
    if taker < len(instances):
        assert set(names) >= released - {"scheduler"}
    for before, after in zip(instances, resolved.instances):
        kept = [queue for queue in before["queues"] if queue[0] in released]
        assert after["queues"][: len(kept)] == kept
        if kept and all(queue[1] is None for queue in kept):
            assert all(queue[1] is None for queue in after["queues"])
