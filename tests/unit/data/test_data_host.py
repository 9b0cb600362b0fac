"""What every host needs: kernel settings, services, the clock."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import clock, services, sysctl
from hypothesis import given
from hypothesis import strategies as st

NAMES = ["a.b", "c.d", "e.f"]
FIGURES = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.integers(0, 10**6)), min_size=3, max_size=3)
NAME = "mastodon-relay.service"
# systemctl show --timestamp=us+utc of systemd 257, Debian 13.
SHOWN = f"""Id={NAME}
LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
ExecMainStartTimestamp=Sun 2026-11-22 07:50:55.500000 UTC
StateChangeTimestamp=Sun 2026-11-22 08:00:00.000000 UTC

Id=other.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no
ExecMainStartTimestamp=
StateChangeTimestamp=
"""
START, RELOAD = 1795333855.5, 1795334400.0
WISH = services.Wish(NAME, restart_on=("/unit",), reload_on=("/config",))


@given(FIGURES, FIGURES)
def test_a_setting_is_never_lowered(running: dict[str, tuple[int]], wanted: dict[str, tuple[int]]) -> None:
    for item in sysctl.raises(running, wanted):
        assert item.after > item.before and item.after == wanted[item.name]
    raised = {item.name for item in sysctl.raises(running, wanted)}
    assert all(running[name] >= wanted[name] for name in wanted.keys() - raised)


def test_each_figure_of_a_setting_counts_alone() -> None:
    (item,) = sysctl.raises({"x": (32768, 60999)}, {"x": (1024, 65535)})
    assert item.after == (32768, 65535)
    assert str(item) == "raise x from 32768 60999 to 32768 65535"


def test_the_file_holds_what_was_raised_and_never_falls() -> None:
    raised = sysctl.raises({"a": (1,), "b": (9,)}, {"a": (5,), "b": (5,)})
    held = sysctl.lines({}, {"a": (5,), "b": (5,)}, raised)
    assert held == {"a": (5,)}  # b is high enough without us: a line of ours would lower it one day
    assert sysctl.parse_file(sysctl.render(held, "x")) == held
    assert sysctl.lines(held, {"a": (3,)}, []) == {"a": (5,)}


def steps(age: dict[str, float], written: tuple[str, ...] = (), **state: str) -> list[tuple[str, ...]]:
    shown = {**services.parse_show(SHOWN)[NAME], **state}
    return services.steps(shown, WISH, lambda path: age.get(path, 0.0), written)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"/unit": START - 1, "/config": RELOAD - 1}, []),
        ({"/config": RELOAD + 1}, [("reload", NAME)]),
        ({"/unit": START + 1, "/config": RELOAD + 1}, [("restart", NAME)]),
    ],
)
def test_younger_files_demand_something(age: dict[str, float], expected: list[tuple[str, ...]]) -> None:
    assert steps(age) == expected


def test_a_file_about_to_be_written_counts_in_check_mode() -> None:
    assert steps({}, ("/config",)) == [("reload", NAME)]


def test_a_service_that_does_not_run_is_only_started() -> None:
    assert steps({"/unit": START + 1}, ActiveState="failed", UnitFileState="disabled") == [
        ("enable", NAME),
        ("start", NAME),
    ]


def test_a_timer_that_runs_has_no_process_to_look_at() -> None:
    shown = {"ActiveState": "active", "UnitFileState": "enabled", "StateChangeTimestamp": "n/a"}
    assert services.steps(shown, services.Wish("x.timer"), lambda path: 9.0, ()) == []


def test_a_service_that_systemd_does_not_know_yet() -> None:
    state = services.parse_show(SHOWN)["other.service"]
    assert services.steps(state, services.Wish("other.service"), lambda _: 0.0, ()) == [
        ("enable", "other.service"),
        ("start", "other.service"),
    ]


def packaged(**found: object) -> services.Packaged:
    usual: dict[str, object] = {
        "unit": "x.service",
        "installed": True,
        "masked": False,
        "active": True,
        "enabled": True,
        "pristine": True,
        "data": (),
    }
    return services.Packaged(**{**usual, **found})  # type: ignore[arg-type]


def test_an_unused_service_is_retired() -> None:
    assert services.retirement(packaged(), True)[0] == [
        ("stop", "x.service"),
        ("disable", "x.service"),
        ("mask", "x.service"),
    ]
    assert services.retirement(packaged(active=False, enabled=False), False) == ([], "")
    assert services.retirement(packaged(masked=True), True) == ([], "")
    assert services.retirement(packaged(installed=False), True) == ([], "")


@pytest.mark.parametrize("used", [{"pristine": False}, {"data": ("/var/lib/redis/dump.rdb",)}])
def test_somebodys_service_is_left_alone_and_named(used: dict[str, object]) -> None:
    todo, note = services.retirement(packaged(**used), True)
    assert todo == [] and "x.service is left as it is" in note


@pytest.mark.parametrize(
    ("daemon", "container", "synchronised", "said"),
    [
        ("", True, True, ""),
        ("chrony", False, True, ""),
        ("", True, False, "container"),
        ("chrony", False, False, "chrony"),
    ],
)
def test_the_clock(daemon: str, container: bool, synchronised: bool, said: str) -> None:
    assert said in "".join(clock.note(daemon, container, synchronised))
    assert bool(clock.note(daemon, container, synchronised)) is bool(said)
