# GPL-3.0-or-later (see LICENSE)
"""The door between Ansible's inventory and the planning core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import FACTS, KEYS_ONLY, READ, S3_SECRETS
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import HOST_KEYS, NETWORK_KEYS, variable
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain
from jinja2.exceptions import UndefinedError

try:  # only for nicer messages: which file and line a value comes from. Not a public interface of ansible-core.
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

DOCUMENTATION = r"""
name: plan
author: The fediverse.mastodon contributors
short_description: Compute the plan of a whole Mastodon cluster
version_added: 0.1.0
description:
  - From groups and variables of the inventory to every host's processes, pools, addresses and ports.
  - Reads only the settings that it knows, called C(mastodon_*) or C(wireguard_*), and no secret. Of others only the
    names count.
  - Needs no connection to any host. Facts stand in for undeclared cores and memory if the fact cache has them, and for
    undeclared round trips what was measured when a host joined.
positional: hostvars, collect
options:
  _input:
    description: The groups of the inventory (the magic variable C(groups)).
    type: dict
    required: true
  hostvars:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  collect:
    description: Return a dictionary with C(problems), a list of lines, instead of failing on a contradiction.
    type: bool
    default: false
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


def _setting(variables: Mapping[str, Any], name: str) -> Any:
    if name in KEYS_ONLY:
        value = variables[name]
        return {plain(key): None for key in value} if isinstance(value, Mapping) else plain(value)
    value = variables[name]
    if name == "mastodon_s3" and isinstance(value, Mapping):
        # That a key is there is enough: its value is a secret.
        return {plain(key): True if key in S3_SECRETS else plain(value[key]) for key in value}
    return plain(value)


def _origin(value: Any) -> str:
    """Where a value was written, if this ansible-core tells."""
    tag = Origin.get_tag(value) if Origin is not None else None
    if tag is None or not tag.path:
        return ""
    path = os.path.relpath(tag.path)
    return f"{tag.path if path.startswith('..') else path}:{tag.line_num or 1}"


def inventory(groups: Mapping[str, Any], hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the inventory that the plan reads, as plain data."""
    found: dict[str, Any] = {
        "groups": {plain(name): [plain(host) for host in groups[name]] for name in groups},
        "hosts": {},
        "names": {},
        "origins": {},
        "broken": {},
    }
    measured: Any = {}
    for host in found["groups"].get("mastodon", []):
        variables = hostvars[host]
        # Role plan sets it on the hosts of its play; one that is limited away has it from another.
        measured = measured or variables.get("__plan_measured") or {}
        present = sorted(plain(name) for name in variables if name.startswith("mastodon_"))
        values: dict[str, Any] = {}
        broken: dict[str, str] = {}
        for name in [name for name in READ if name in present]:
            try:
                values[name] = _setting(variables, name)
            except (AnsibleError, UndefinedError) as error:
                broken[name] = str(error)
        facts = variables.get("ansible_facts", {})
        values["facts"] = {name: plain(facts[name]) for name in FACTS if name in facts}
        address = _interface_address(facts, str(values.get("mastodon_network_interface", "")))
        if address:
            values["facts"]["interface_address"] = address
        if variables.get("__worker_measured"):  # a moment ago, before its first join
            values["measured"] = plain(variables["__worker_measured"])
        values |= _tunnel(variables, broken)
        found["hosts"][host] = values
        found["names"][host] = present
        found["broken"][host] = broken
        raw = hostvars.raw_get(host) if hasattr(hostvars, "raw_get") else {}
        written = [*present, *values.get("wireguard", ())]
        found["origins"][host] = {name: where for name in written if (where := _origin(raw.get(name)))}
    for host, known in measured.items():
        if host in found["hosts"]:
            found["hosts"][plain(host)].setdefault("measured", plain(known))
    return found


def _interface_address(facts: Mapping[str, Any], interface: str) -> str:
    """The first address of an interface, IPv4 before IPv6, in the facts; empty if they do not say."""
    known = facts.get(interface.replace("-", "_"), {}) if interface else {}
    if not isinstance(known, Mapping):
        return ""
    own = [known["ipv4"]] if known.get("ipv4") else []
    own += [one for one in known.get("ipv6", ()) if one.get("scope") != "link"]
    return plain(own[0]["address"]) if own else ""


def _tunnel(variables: Mapping[str, Any], broken: dict[str, str]) -> dict[str, Any]:
    """Variables called wireguard_*, if there are any. Of those that only the role reads, the names: one is a secret."""
    found: dict[str, Any] = {}
    known = {variable(key) for key in (*NETWORK_KEYS, *HOST_KEYS)}
    for name in sorted(plain(name) for name in variables if name.startswith("wireguard_")):
        try:
            found[name] = plain(variables[name]) if name in known else None
        except (AnsibleError, UndefinedError) as error:
            broken[name] = str(error)
    return {"wireguard": found} if found else {}


def plan(groups: Mapping[str, Any], hostvars: Mapping[str, Any], collect: bool = False) -> dict[str, Any]:
    """The plan of the cluster, or every problem of the inventory in one error (or, collected, in one list)."""
    try:
        return build(inventory(groups, hostvars))
    except PlanError as error:
        if collect:
            return {"problems": str(error).splitlines()}
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Any]:
        """By name."""
        return {"plan": plan}
