"""What a follower does when: the words of the lead, the clock, and the handshakes it sees."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.rotation_course import (
    BYE,
    DONE,
    END,
    GIVE_UP,
    HELLO,
    MARGIN,
    MOVE,
    PATIENCE,
    READY,
    REDIAL,
    STAY,
    USE,
    WILL,
    Act,
    Course,
    Told,
    decode,
    encode,
)

RUN = "Vm3hY2kQ7d"


def course() -> Course:
    return Course("old", "new", deadline=100.0)


def moved() -> Course:
    """Told at 10, moved at 10.2 and the margin."""
    found = course()
    assert found.heard(Told(USE, 1, "new", 200, 20), 10.0) == Told(WILL, 1)
    assert found.due(10.2, {"old": 5}) is None
    assert found.due(10.2 + MARGIN + 0.001, {"old": 5}) == Act(MOVE, "new")
    return found


def test_a_message_comes_back_as_it_was_said() -> None:
    for told in (Told(HELLO, 7), Told(USE, 2, "k" * 44, 400, 31), Told(DONE, 1, "k" * 44)):
        assert decode(RUN, encode(RUN, told)) == told


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00",
        encode("another123", Told(HELLO)),
        encode(RUN, Told("shout")),
        encode(RUN, Told(USE, 1, "new", -5)),
        encode(RUN, Told(HELLO)) + b" more",
        encode(RUN, Told(HELLO)).replace(b" 0 ", b" 99999999999999999999 ", 1),
    ],
)
def test_what_is_not_of_this_run_is_no_message(data: bytes) -> None:
    assert decode(RUN, data) is None


def test_it_is_ready_and_stays_without_a_word() -> None:
    found = course()
    assert found.heard(Told(HELLO, 3), 1.0) == Told(READY, 3)
    assert found.due(99.0, {}) is None
    assert found.due(100.0, {}) == Act(END, "old")


def test_it_moves_after_the_lead_and_not_before() -> None:
    found = moved()
    assert found.owner == "new" and not found.proven


def test_the_last_word_counts() -> None:
    found = course()
    found.heard(Told(USE, 1, "new", 200), 10.0)
    found.heard(Told(USE, 1, "new", 150), 10.1)
    assert found.due(10.24, {}) is None
    found.heard(Told(STAY, 1), 10.245)
    assert found.due(10.6, {}) is None
    assert found.heard(Told(USE, 0, "new", 0), 10.7) == Told(WILL, 0)
    assert found.due(11.0, {}) is None  # of a number that was taken back


def test_a_key_that_nobody_named_is_not_used() -> None:
    found = course()
    assert found.heard(Told(USE, 1, "stranger", 0), 10.0) is None
    assert found.heard(Told(DONE, 1, "stranger"), 10.0) is None
    assert found.due(11.0, {}) is None


def test_a_handshake_proves_and_the_word_ends_it() -> None:
    found = moved()
    assert found.due(10.3, {"old": 5, "new": 12}) is None and found.proven
    assert found.heard(Told(DONE, 1, "new"), 10.4) == Told(BYE, 1, "new")
    assert found.due(10.4, {"old": 5, "new": 12}) == Act(END, "new")


def test_without_a_handshake_it_dials_again_and_then_gives_up_but_watches() -> None:
    found = moved()
    begin = found.moved_at
    assert found.due(begin + PATIENCE - 0.01, {"old": 5, "new": 0}) is None
    assert found.due(begin + PATIENCE + 0.01, {"old": 5, "new": 0}) == Act(REDIAL, "new")
    assert found.due(begin + PATIENCE + 0.02, {"old": 5, "new": 0}) is None
    assert found.due(begin + GIVE_UP + 0.01, {"old": 5, "new": 0}) == Act(MOVE, "old")
    assert found.due(begin + 9, {"old": 5, "new": 0}) is None
    assert found.due(begin + 10, {"old": 5, "new": 20}) == Act(MOVE, "new") and found.proven
    assert found.due(begin + 30, {"old": 5, "new": 20}) is None


def test_a_long_way_has_longer_patience() -> None:
    found = course()
    found.heard(Told(USE, 1, "new", 0, 600), 10.0)
    assert found.due(10.1, {}) == Act(MOVE, "new")
    assert found.due(11.8, {}) is None
    assert found.due(12.0, {}) == Act(REDIAL, "new")


def test_a_lead_that_went_back_is_followed() -> None:
    found = moved()
    found.due(10.3, {"old": 5, "new": 12})
    # By its word.
    found.heard(Told(USE, 2, "old", 100), 11.0)
    assert found.due(11.2, {"old": 5, "new": 12}) == Act(MOVE, "old")
    assert found.heard(Told(DONE, 2, "old"), 11.3) == Told(BYE, 2, "old")
    assert found.due(11.3, {"old": 12, "new": 12}) == Act(END, "old")


def test_a_lead_that_rebooted_with_the_old_key_is_followed() -> None:
    found = moved()
    found.due(10.3, {"old": 5, "new": 12})
    assert found.due(40.0, {"old": 41, "new": 12}) == Act(MOVE, "old")
    assert found.due(100.0, {"old": 41, "new": 12}) == Act(END, "old")


def test_the_end_of_another_key_moves_first() -> None:
    found = moved()
    found.heard(Told(DONE, 1, "old"), 10.5)
    assert found.due(10.5, {}) == Act(MOVE, "old")
    assert found.due(10.5, {}) == Act(END, "old")


def test_it_looks_often_once_there_are_two_keys() -> None:
    found = course()
    assert found.wake(10.0) == 90.0
    found.heard(Told(USE, 1, "new", 200), 10.0)
    assert found.wake(10.0) == pytest.approx(0.2 + MARGIN)
    assert moved().wake(10.3) == pytest.approx(0.05)
