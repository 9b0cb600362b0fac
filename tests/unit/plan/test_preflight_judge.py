"""What is found on hosts before any is changed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import preflight

REPORT: dict[str, Any] = {
    "os": {"id": "debian", "version": "13", "name": "Debian GNU/Linux 13 (trixie)"},
    "architecture": "amd64",
    "cores": 4,
    "memory_mb": 7944,
    "container": False,
    "deployed": True,
    "epoch": 1000.5,
    "addresses": {"eth0": "203.0.113.11", "eth1": "10.40.0.11"},
    "disks": [
        {"path": "/opt", "mount": "/", "free_mb": 30720, "size_mb": 40960, "rotational": False},
        {"path": "/var", "mount": "/", "free_mb": 30720, "size_mb": 40960, "rotational": False},
    ],
}
PLAN = {"hosts": {"a": {"architecture": "amd64", "memory_mb": {"total": 8192}}}}


def answered(report: dict[str, Any]) -> dict[str, Any]:
    """Asked at 1000, answered at 1001."""
    return {"report": report, "asked_at": 1000.0, "answered_at": 1001.0}


def judged(change: dict[str, Any], plan: dict[str, Any] = PLAN) -> preflight.Judgement:
    """One host whose report differs so."""
    report = {**copy.deepcopy(REPORT), **change}
    return preflight.judge({"a": answered(report)}, plan, preflight.Limits())


def test_a_good_host_is_not_worth_a_line() -> None:
    assert judged({}).lines() == []
    assert judged({}, {}).lines() == []


@pytest.mark.parametrize(
    ("system", "good"),
    [(("debian", "12"), True), (("ubuntu", "24.04"), True), (("debian", "11"), False), (("ubuntu", "22.04"), False)],
)
def test_systems(system: tuple[str, str], good: bool) -> None:
    found = judged({"os": {"id": system[0], "version": system[1], "name": f"{system[0]} {system[1]}"}}).problems
    assert (not found) == good
    assert good or (f"host a: runs {system[0]} {system[1]}" in found[0] and "Ubuntu 24.04" in found[0])


def test_space_is_told_once_for_one_disk() -> None:
    disks = [{**disk, "free_mb": 900} for disk in REPORT["disks"]]
    (found,) = judged({"disks": disks}).problems
    assert "900 MB free on / (for /opt, /var), 5120 MB are needed" in found and "preflight_min_disk_mb" in found


@pytest.mark.parametrize(
    ("epoch", "words"),
    [(989.9, "10 s behind"), (990.1, None), (1010.9, None), (1011.1, "10 s ahead of"), (4601.0, "3600 s ahead of")],
)
def test_clocks(epoch: float, words: str | None) -> None:
    found = judged({"epoch": epoch}).problems
    assert (words is None and not found) or (words is not None and words in found[0] and "set-ntp" in found[0])


@pytest.mark.parametrize(("actual", "good"), [(8192, True), (7448, True), (7440, False)])
def test_declared_memory(actual: int, good: bool) -> None:
    found = judged({"memory_mb": actual}).problems
    assert (not found) == good
    assert good or "8192 MB declared, and the host has 7440 MB. Fix: write mastodon_memory_mb: 7440" in found[0]


def test_a_container_cannot_tell_its_memory() -> None:
    judgement = judged({"memory_mb": 2000, "container": True})
    assert judgement.problems == () and "8192 MB declared" in judgement.lines()[0]


def test_the_other_architecture() -> None:
    (found,) = judged({"architecture": "arm64"}).problems
    assert "amd64 declared, and the host is arm64" in found and "write mastodon_architecture: arm64" in found


def test_a_32_bit_system_is_no_question_of_a_setting() -> None:
    (found,) = judged({"architecture": "armhf"}).problems
    assert "a system for armhf, and Mastodon runs on amd64 and arm64" in found and "install a 64-bit system" in found
    assert "mastodon_architecture" not in found


def test_all_hosts_in_one_message() -> None:
    results = {
        "a": answered({**REPORT, "os": {"id": "arch", "version": "", "name": "Arch Linux"}, "epoch": 0.0}),
        "b": {"unreachable_reason": "Task failed: ssh: connect to host b port 22: No route to host\nmore"},
        "c": {"failure_reason": "The module interpreter '/usr/bin/python3' was not found."},
        "d": answered(REPORT),
    }
    lines = preflight.judge(results, PLAN, preflight.Limits()).lines()
    assert lines[0] == "The hosts are not ready: 4 problems. Nothing was changed."
    assert "host b, ansible_host: cannot be reached: ssh: connect to host b port 22: No route to host" in lines[3]
    assert "--limit 'all:!b'" in lines[3]
    assert "python3-minimal" in lines[4] and len(lines) == 5


def test_check_mode_needs_a_deployment_and_names_every_host_without_one() -> None:
    results = {name: answered({**REPORT, "deployed": name == "old"}) for name in ("old", "new1", "new2")}
    found = preflight.judge(results, {}, preflight.Limits(must_be_deployed=True)).problems
    assert [problem.split(":")[0].split(",")[0] for problem in found] == ["host new1", "host new2"]
    assert "--limit 'all:!new1'" in found[0]
    assert preflight.judge(results, {}, preflight.Limits()).problems == ()
