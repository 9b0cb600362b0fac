# GPL-3.0-or-later (see LICENSE)
"""From registered reports of hosts to findings and snippets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import preflight as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import survey as survey_core

DOCUMENTATION = r"""
name: preflight
author: The fediverse.mastodon contributors
short_description: Judge whether hosts are what the plan takes them for
version_added: 0.1.0
description: Returns every finding of every host at once.
positional: hosts, started, finished, min_disk_mb, clock_tolerance_s, memory_tolerance_percent
options:
  _input:
    description: The magic variable C(hostvars); of each host C(mastodon_plan) and the registered report are read.
    type: dict
    required: true
  hosts:
    description: Which hosts to judge.
    type: list
    elements: str
    required: true
  started:
    description: The controller's clock before the reports were read, in seconds.
    type: float
    required: true
  finished:
    description: The controller's clock after that.
    type: float
    required: true
  min_disk_mb:
    description: Free space that must be left.
    type: int
    default: 5120
  clock_tolerance_s:
    description: By how much a clock may be off.
    type: float
    default: 10
  memory_tolerance_percent:
    description: By how much declared memory may exceed what is there.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Judge all hosts at once
  ansible.builtin.set_fact:
    __findings: "{{ hostvars | fediverse.mastodon.preflight(ansible_play_hosts_all, 1790000000.0, 1790000002.0) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: C(lines) to show, and C(failure), empty when every host is ready.
  type: dict
"""

RESULT = "__preflight_result"


def _results(hostvars: Mapping[str, Any], hosts: Sequence[str]) -> dict[str, Any]:
    nothing = {"unreachable": True, "msg": "it was not asked"}
    return {host: hostvars[host].get(RESULT, nothing) for host in hosts}


def preflight(
    hostvars: Mapping[str, Any],
    hosts: Sequence[str],
    started: float,
    finished: float,
    min_disk_mb: int = 5120,
    clock_tolerance_s: float = 10.0,
    memory_tolerance_percent: int = 10,
) -> dict[str, Any]:
    """Lines to show and a failure."""
    limits = core.Limits(int(min_disk_mb), float(clock_tolerance_s), int(memory_tolerance_percent))
    plan = hostvars[hosts[0]].get("mastodon_plan", {}) if hosts else {}
    judgement = core.judge(_results(hostvars, hosts), plan, float(started), float(finished), limits)
    failure = "The hosts are not ready; what to correct is listed above." if judgement.problems else ""
    return {"lines": judgement.lines(), "failure": failure}


def survey(hostvars: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """A snippet for the inventory."""
    reached_at = {host: str(hostvars[host].get("ansible_host", host)) for host in hosts}
    return survey_core.snippet(_results(hostvars, hosts), reached_at)


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"preflight": preflight, "survey": survey}
