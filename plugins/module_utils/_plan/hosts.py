# GPL-3.0-or-later (see LICENSE)
"""Which groups an inventory must have, and which hosts each may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import names
from .problems import Problems, did_you_mean, suggest

OURS = frozenset(names.ROLE_GROUPS)
MADE_BY_US = ("mastodon_on_", "mastodon_roles_")  # by roles/plan, earlier in the same run
BUILT_IN = frozenset({"all", "ungrouped", "mastodon"})


def check_groups(groups: Mapping[str, Sequence[str]], order: Sequence[str], problems: Problems) -> None:
    """Everything that can be wrong with groups and the hosts in them."""
    foreign = [g for g in groups if g not in OURS and g not in BUILT_IN and not g.startswith(MADE_BY_US)]
    _outside(groups, order, problems)
    if not order:
        problems.add(
            (),
            "",
            "no host is in group mastodon",
            "pass -i with your inventory, and put the role groups (postgres, redis, puma …) under mastodon as its"
            " children; inventories/single_host is an example to copy",
        )
        return
    misspelt = _misspelt(foreign, groups, problems)
    homeless = [host for host in order if not any(host in groups.get(group, ()) for group in OURS)]
    for host in homeless:
        own = [group for group in foreign if host in groups[group]]
        if any(group in misspelt for group in own):
            continue
        meant = [names.GROUP_SYNONYMS[group] for group in own if group in names.GROUP_SYNONYMS]
        problems.add(
            host,
            "",
            "is in none of the groups that give a host its work" + (f" (only in {', '.join(own)})" if own else ""),
            f"put it into {meant[0]}" if meant else f"put it into one or more of {', '.join(names.ROLE_GROUPS)}",
        )
    for group in names.REQUIRED_GROUPS:
        if not groups.get(group):
            problems.add(f"group {group}", "", "has no host", f"put a host under {group}; a small cluster's may be any")
    for group in (*names.ONE_HOST, "minio"):
        members = groups.get(group, ())
        if len(members) > 1:
            problems.add(
                f"group {group}",
                "",
                f"has {len(members)} hosts ({', '.join(members)}), and there can be one",
                f"leave one host in {group}",
            )


def _outside(groups: Mapping[str, Sequence[str]], order: Sequence[str], problems: Problems) -> None:
    for group in names.ROLE_GROUPS:
        strangers = [host for host in groups.get(group, ()) if host not in order]
        if strangers:
            problems.add(
                strangers,
                "",
                f"in group {group}, but not in mastodon",
                f"make {group} a child of mastodon (mastodon: children: {group}:)",
            )


def _misspelt(foreign: Sequence[str], groups: Mapping[str, Sequence[str]], problems: Problems) -> set[str]:
    """Groups of the admin's own are welcome; those that look like one of ours are taken for a slip."""
    found = set()
    for group in foreign:
        if suggest(group, OURS | {"mastodon"}):
            found.add(group)
            problems.add(
                f"group {group}",
                "",
                f"there is no such group (hosts: {', '.join(groups[group]) or 'none'})",
                did_you_mean(group, OURS | {"mastodon"}, ""),
            )
    return found
