"""The initializer that hands Stoplight a pool: only when asked to, and only where everything is as expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

testinfra_hosts = ["ansible://code"]

INITIALIZER = "/opt/mastodon/current/config/initializers/zz_fediverse_breaker_pool.rb"
SCRIPT = (Path(__file__).parent / "breaker_pool.rb").read_text()


def load(host: Any, shape: str, switch: str = "true") -> tuple[str | None, str]:
    """What the store was made from, and the log."""
    with host.sudo():
        done = host.run("MASTODON_BREAKER_POOL=%s mastodon-run ruby -e %s %s %s", switch, SCRIPT, INITIALIZER, shape)
    assert done.rc == 0, done.stderr
    found = json.loads(done.stdout)
    return found["made"], " ".join(found["lines"])


def test_it_hands_over_mastodons_pool(host: Any) -> None:
    assert load(host, "mastodon") == ("pool of 25", "fediverse.mastodon: breaker pool: on, 25 connections")


@pytest.mark.parametrize("switch", ["", "false", "1"])
def test_it_does_nothing_unless_it_is_switched_on(host: Any, switch: str) -> None:
    assert load(host, "mastodon", switch) == ("connection", "")


@pytest.mark.parametrize("shape", ["no_pool", "other_constructor"])
def test_it_leaves_what_it_does_not_know_and_says_so(host: Any, shape: str) -> None:
    made, log = load(host, shape)
    assert made == "connection"
    assert log.count("left as it is") == 1


def test_without_stoplight_the_process_starts(host: Any) -> None:
    assert load(host, "no_stoplight") == (
        None,
        "fediverse.mastodon: breaker pool: left as it is, Stoplight has no Redis store",
    )


def test_a_pool_that_is_there_already_stays(host: Any) -> None:
    assert load(host, "own_pool") == ("pool of 3", "")
