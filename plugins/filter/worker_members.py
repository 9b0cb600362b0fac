# GPL-3.0-or-later (see LICENSE)
"""Joins, leaves and surges, decided on the controller: thin shells around module_utils/_join."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.filter.plan import inventory
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import journal, members, surge, took
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import compare
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.what_if import apply
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain, told


def leave_problems(groups: Any, worker: str, confirm: str = "", status: Any = None, force: bool = False) -> list[str]:
    """Why a host cannot leave."""
    return members.leave_problems(groups, worker, confirm, status, force=force)


def plan_problems(plan: Any, names: Any, joining: bool) -> list[str]:
    """What speaks against it in the plan."""
    return members.plan_problems(plan, names, joining=joining)


def begun(raw: Any, doors: Any, member: bool = False) -> str:
    """The journal with a join that begins."""
    return journal.begun(raw, doors, member=member)


def without(groups: Mapping[str, Any], hostvars: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The plan of the cluster without these hosts."""
    raw = inventory(groups, hostvars)
    gone = {"hosts": dict.fromkeys(plain(list(names)))}
    try:
        return build(apply(raw, gone))
    except PlanError as error:
        raise AnsibleFilterError(f"The cluster cannot be without {', '.join(names)}:\n{error}") from error


def difference(groups: Mapping[str, Any], hostvars: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What these hosts change, as lines."""
    raw = inventory(groups, hostvars)
    gone = {"hosts": dict.fromkeys(plain(list(names)))}
    who = ", ".join(plain(list(names)))
    try:
        before = build(apply(raw, gone))
    except PlanError:
        return ["", f"Without {who} there was no plan to compare with."]
    return compare.lines(before, build(raw), ("without it", f"with {who}"))


# Settings of what a join writes on its host. The plan of all others is no business of this one: its own share counts.
SETTINGS = ("mastodon_", "common_", "wireguard_", "pgbouncer_", "relay_", "sidekiq_workers_")
ELSEWHERE = ("mastodon_plan",)


def settings(hostvars: Mapping[str, Any], name: str) -> str:
    """Fingerprint of a host's settings, its secrets and its share of the plan."""
    variables = hostvars[name]
    wanted = {key: plain(variables[key]) for key in variables if key.startswith(SETTINGS) and key not in ELSEWHERE}
    try:
        return journal.fingerprint(wanted, str((wanted.get("mastodon_secrets") or {}).get("secret_key_base") or ""))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


WANTED = ("__worker_steps", "__worker_failure", "__worker_present", "__worker_member")


def _seen(hostvars: Mapping[str, Any], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the tasks of add_worker.yml registered."""
    return {name: {key: plain(hostvars[name].get(key)) for key in WANTED} for name in map(plain, names)}


def joined(hostvars: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Lines and failure of add_worker.yml."""
    return took.joined(_seen(hostvars, names))


def failed(hostvars: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Who did not join and took no jobs before either."""
    return [
        name for name, one in _seen(hostvars, names).items() if not one["__worker_member"] and not took.has_joined(one)
    ]


def left(
    plan: Any, name: str, variables: Mapping[str, Any], dead: Any, erased: bool, away: Sequence[str] = ()
) -> list[str]:
    """Lines of remove_worker.yml. variables: the leaving host's."""
    orderly = plain(variables.get("__worker_absent") or {})
    return took.left(plain(plan), plain(name), orderly, plain(dead), erased, plain(list(away)))


class FilterModule:
    """Found by Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names of the filters in this file."""
        return {
            "worker_names": told(members.named, ValueError),
            "worker_join_problems": told(members.join_problems, ValueError),
            "worker_leave_problems": told(leave_problems, ValueError),
            "worker_plan_problems": told(plan_problems, ValueError),
            "worker_needed": told(members.needed, ValueError),
            "worker_reference": told(members.reference, ValueError),
            "worker_tunnel": told(members.tunnel, ValueError),
            "worker_doors": told(members.doors, ValueError),
            "worker_begun": told(begun, ValueError),
            "worker_done": told(journal.done, ValueError),
            "worker_settled": told(journal.settled, ValueError),
            "worker_settings": settings,
            "worker_gone": told(journal.gone, ValueError),
            "worker_unfinished": told(journal.unfinished, ValueError),
            "worker_hostname": told(journal.hostname, ValueError),
            "worker_surge": told(surge.spread, ValueError),
            "worker_seconds": told(surge.duration, ValueError),
            "worker_improved": told(surge.improved, ValueError),
            "worker_without": without,
            "worker_difference": difference,
            "worker_joined": joined,
            "worker_failed": failed,
            "worker_left": left,
        }
