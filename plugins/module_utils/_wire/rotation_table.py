# GPL-3.0-or-later (see LICENSE)
"""Which hosts' keys are replaced in which order, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._plan.problems import did_you_mean
from .checks import short
from .rotation import batches
from .topology import Topology

ALL = "all"


def order(topology: Topology, wanted: str | Sequence[str]) -> list[str]:
    """The hosts, one after the other: hubs last. wanted: a name, several with commas, a list, or `all`.

    ValueError for a name that is no host of the tunnel.
    """
    texts = [wanted] if isinstance(wanted, str) else list(wanted)
    names = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    known = [one.name for one in topology.network.members]
    if not names:
        raise ValueError("no host is named: write -e host=NAME, or -e host=all")
    if ALL in names:
        names = known
    for name in names:
        if name not in known:
            fix = did_you_mean(name, known, f"write one of {', '.join(known[:5])}")
            raise ValueError(f"{name} is no host of the tunnel: {fix}")
    return [name for batch in batches(topology, dict.fromkeys(names)) for name in batch]


def table(answers: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Lines for the end of the playbook. answers: {host: the lead's answer, None without one}, in order."""
    rows = [("host", "key", "peers moved", "new session after", "off, complete later")]
    for name, answer in answers.items():
        if not answer or "peers" not in answer:
            rows.append((name, "not replaced", "", "", ""))
            continue
        moved = [one["name"] for one in answer["peers"] if one["state"] == "moved"]
        took = max([one["took_ms"] for one in answer["peers"] if one["took_ms"] is not None], default=None)
        keys = f"{short(answer['previous_public_key'])} -> {short(answer['public_key'])}"
        row = (name, keys, str(len(moved)), "" if took is None else f"{took} ms", ", ".join(answer["pending"]) or "-")
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    for name, answer in answers.items():
        lines += [f"{name}: {text}" for text in (answer or {}).get("notes", ())]
    return lines
