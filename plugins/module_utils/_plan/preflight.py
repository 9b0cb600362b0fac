# GPL-3.0-or-later (see LICENSE)
"""Whether the hosts are what the plan takes them for. Judges reports of the module preflight_info."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .names import ARCHITECTURES
from .problems import Problems

SYSTEMS = {("debian", "12"), ("debian", "13"), ("ubuntu", "24.04")}
SUPPORTED = "Debian 12, Debian 13 or Ubuntu 24.04"


@dataclass(frozen=True)
class Limits:
    """What a host must have."""

    min_disk_mb: int = 5120
    clock_tolerance_s: float = 10.0
    memory_tolerance_percent: int = 10
    must_be_deployed: bool = False


@dataclass(frozen=True)
class Judgement:
    """Findings that end the run, and what is only said."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = [f"Note: {note}" for note in self.notes]
        if self.problems:
            count = len(self.problems)
            lines.append(f"The hosts are not ready: {count} problem{'s' if count > 1 else ''}. Nothing was changed.")
            lines += [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        return lines


def judge(results: Mapping[str, Mapping[str, Any]], plan: Mapping[str, Any], limits: Limits) -> Judgement:
    """results: what the action preflight_info registered per host."""
    problems = Problems()
    notes: list[str] = []
    for name, result in results.items():
        if "report" in result:
            declared = plan.get("hosts", {}).get(name, {})
            _host(name, result["report"], declared, limits, problems, notes)
            _clock(name, result, limits, problems)
            if limits.must_be_deployed and not result["report"]["deployed"]:
                problems.add(
                    name,
                    "",
                    "has not been deployed, and --check can only compare with what a deployment left",
                    f"run without --check, or leave it out with --limit 'all:!{name}';"
                    " playbooks/plan.yml shows what it will run",
                )
        elif "failure_reason" in result:
            problems.add(
                name,
                "",
                f"could not be read: {first_line(result['failure_reason'])}",
                "correct that; if it has no Python, apt-get install python3-minimal there",
            )
        else:
            problems.add(
                name,
                "ansible_host",
                f"cannot be reached: {first_line(result.get('unreachable_reason', 'it was not asked'))}",
                "check ansible_host, ansible_user and the key, until"
                f" `ansible {name} -m ansible.builtin.ping -i INVENTORY` succeeds,"
                f" or leave the host out with --limit 'all:!{name}'",
            )
    return Judgement(tuple(str(problem) for problem in problems.all()), tuple(notes))


def _host(
    name: str,
    report: Mapping[str, Any],
    declared: Mapping[str, Any],
    limits: Limits,
    problems: Problems,
    notes: list[str],
) -> None:
    system = report["os"]
    if (system["id"], system["version"]) not in SYSTEMS:
        problems.add(
            name, "", f"runs {system['name'] or 'an unknown system'}", f"install {SUPPORTED} on it, or use another host"
        )
    architecture = declared.get("architecture")
    if report["architecture"] not in ARCHITECTURES:
        problems.add(
            name,
            "",
            f"has a system for {report['architecture']}, and Mastodon runs on {' and '.join(ARCHITECTURES)}",
            "install a 64-bit system on it (a Raspberry Pi 3 or later takes one), or use another host",
        )
    elif architecture and architecture != report["architecture"]:
        problems.add(
            name,
            "mastodon_architecture",
            f"{architecture} declared, and the host is {report['architecture']}",
            f"write mastodon_architecture: {report['architecture']}",
        )
    short: dict[str, list[str]] = {}
    for disk in report["disks"]:
        if disk["free_mb"] < limits.min_disk_mb:
            short.setdefault(f"{disk['free_mb']} MB free on {disk['mount']}", []).append(disk["path"])
    for free, paths in short.items():
        problems.add(
            name,
            "preflight_min_disk_mb",
            f"{free} (for {', '.join(paths)}), {limits.min_disk_mb} MB are needed",
            "make room there, or lower the setting",
        )
    total, actual = (declared.get("memory_mb") or {}).get("total"), int(report["memory_mb"])
    if total and total * 100 > actual * (100 + limits.memory_tolerance_percent):
        message = f"{total} MB declared, and the host has {actual} MB"
        if report["container"]:
            notes.append(f"host {name}, mastodon_memory_mb: {message}, as far as a container can tell.")
        else:
            problems.add(name, "mastodon_memory_mb", message, f"write mastodon_memory_mb: {actual}")


def _clock(name: str, result: Mapping[str, Any], limits: Limits, problems: Problems) -> None:
    """The host read its clock at some moment between the question and its answer."""
    epoch = float(result["report"]["epoch"])
    off = min(epoch - float(result["asked_at"]), 0.0) or max(epoch - float(result["answered_at"]), 0.0)
    if abs(off) > limits.clock_tolerance_s:
        problems.add(
            name,
            "preflight_clock_tolerance_s",
            f"its clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the controller's,"
            f" {limits.clock_tolerance_s:g} s are allowed",
            "let systemd-timesyncd or chrony set it (timedatectl set-ntp true); if all are off, the controller is",
        )


def first_line(message: object) -> str:
    """What a connection or a module complains about, without what Ansible puts before it."""
    lines = str(message).strip().splitlines()
    return lines[0].removeprefix("Task failed: ").rstrip(". ") if lines else "no reason given"
