# GPL-3.0-or-later (see LICENSE)
"""The cluster's network, as its hosts told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import network_report as core
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import plain
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.tunnel import PEERS, heard, mesh

# What the plays register on each host.
PROOF = "__wireguard_proof"
LINKS = "__network_links"

WORDS = ("peers", "links", "mtu", "backend", "public_key", "running_key", "listens", "notes", "device", "addresses")


def result_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A host's answer; empty when it gave none. What a check found to repair is drift; what a run did is not."""
    proof = variables.get(PROOF, {})
    # The last one counts.
    for answer in (proof, mesh(variables), variables.get(LINKS, {})):
        if "peers" in answer or "links" in answer:
            found = {word: plain(answer[word]) for word in WORDS if word in answer}
            return {**found, "drift": plain(answer.get("actions", [])) if answer is proof else []}
    return {}


def visited(hostvars: Mapping[str, Any], hosts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Answers of neighbours that a limited run went to: the other ends of its hosts' links."""
    rows = [row for host in hosts for row in hostvars[host].get(PEERS, {}).get("results", ()) if "peers" in row]
    return {plain(row["item"]): {word: plain(row[word]) for word in WORDS if word in row} for row in rows}


def network_report(plan: Mapping[str, Any], hostvars: Mapping[str, Any], hosts: Sequence[str]) -> dict[str, list[str]]:
    """Lines, failures and pending hosts."""
    results = {plain(host): found for host in hosts if (found := result_of(hostvars[host]))}
    results = {**visited(hostvars, hosts), **results}
    for host, told in heard(hostvars, hosts).items():
        if host in results:
            results[host]["heard"] = plain(told)
    answer = core.report(plain(plan), results, plain(list(hosts)))
    return {"lines": answer.lines, "failures": answer.failures, "pending": answer.pending}


def network_partners(plan: Mapping[str, Any], host: str) -> list[dict[str, str]]:
    """Hosts that this one has to talk to."""
    return core.partners(plain(plan), plain(host))


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"network_report": network_report, "network_partners": network_partners}
