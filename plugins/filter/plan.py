# GPL-3.0-or-later (see LICENSE)
"""The door between Ansible's inventory and the planning core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils import _plan

DOCUMENTATION = r"""
name: plan
author: The fediverse.mastodon contributors
short_description: Compute the plan of a whole Mastodon cluster
version_added: 0.1.0
description:
  - From groups and variables of the inventory to every host's processes, pools, addresses and ports.
  - Reads only the settings that it knows, and no secret. Of other C(mastodon_*) variables only the names count.
  - Needs no connection to any host. Facts stand in for undeclared cores and memory if the fact cache has them.
positional: hostvars
options:
  _input:
    description: The groups of the inventory (the magic variable C(groups)).
    type: dict
    required: true
  hostvars:
    description: The magic variable C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Compute the plan once
  ansible.builtin.set_fact:
    mastodon_plan: "{{ groups | fediverse.mastodon.plan(hostvars) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The plan, as docs/interfaces.md describes it.
  type: dict
"""


def plain(value: Any) -> Any:
    """Without Ansible's tags and lazy containers, which neither pickle nor YAML can take."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(value[key]) for key in value}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def _setting(variables: Mapping[str, Any], name: str) -> Any:
    if name in _plan.KEYS_ONLY:
        value = variables[name]
        return {plain(key): None for key in value} if isinstance(value, Mapping) else plain(value)
    value = variables[name]
    if name == "mastodon_s3" and isinstance(value, Mapping):
        # That a key is there is enough: its value is a secret.
        return {plain(key): True if key in _plan.S3_SECRETS else plain(value[key]) for key in value}
    return plain(value)


def inventory(groups: Mapping[str, Any], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the inventory that the plan reads, as plain data."""
    members = {plain(name): [plain(host) for host in groups[name]] for name in groups}
    hosts: dict[str, dict[str, Any]] = {}
    names: dict[str, list[str]] = {}
    for host in members.get("mastodon", []):
        variables = hostvars[host]
        present = [plain(name) for name in variables if name.startswith("mastodon_")]
        names[host] = sorted(present)
        hosts[host] = {}
        for name in _plan.READ:
            if name not in present:
                continue
            try:
                hosts[host][name] = _setting(variables, name)
            except AnsibleError as error:
                raise AnsibleFilterError(f"host {host}, {name}: its value cannot be evaluated: {error}") from error
        facts = variables.get("ansible_facts", {})
        hosts[host]["facts"] = {name: plain(facts[name]) for name in _plan.FACTS if name in facts}
    return {"groups": members, "hosts": hosts, "names": names}


def plan(groups: Mapping[str, Any], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of the cluster, or every problem of the inventory in one error."""
    try:
        return _plan.build(inventory(groups, hostvars))
    except _plan.PlanError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"plan": plan}
