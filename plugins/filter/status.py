# GPL-3.0-or-later (see LICENSE)
"""The cluster's status: judged, and as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._join import status as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import status_text
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain

# What playbooks/status.yml registers.
RESULT = "__status_host"
SHARED = "__status_shared"


def _seen(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What a host answered: its reading, or why there is none."""
    result = plain(variables.get(RESULT) or {})
    if "seen" in result:
        return result["seen"]
    return {"unreachable": result.get("msg") or "no answer"}


def status(
    plan: Mapping[str, Any], hostvars: Mapping[str, Any], hosts: Sequence[str], strict: bool = False
) -> dict[str, Any]:
    """The judgement of all registered results."""
    read = {name: _seen(hostvars[name]) for name in map(plain, hosts)}
    shared = [plain(hostvars[name].get(SHARED) or {}).get("seen") for name in map(plain, hosts)]
    return core.assess(plain(plan), read, next((one for one in shared if one), {})).plain(strict)


def status_source(plan: Mapping[str, Any], hostvars: Mapping[str, Any], hosts: Sequence[str]) -> str:
    """The host to ask for the shared services: reached, with the application; the one that migrates if it is there."""
    cluster = plan["cluster"]
    able = [
        name
        for name in map(plain, hosts)
        if plan["hosts"][name].get("mastodon", {}).get("tree") == "app" and "units" in _seen(hostvars[name])
    ]
    migrates = plain(cluster["migrate_host"])
    return migrates if migrates in able else able[0] if able else ""


class FilterModule:
    """Found by Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names of the filters in this file."""
        return {"status": status, "status_source": status_source, "status_text": status_text.lines}
