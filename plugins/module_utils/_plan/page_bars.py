# GPL-3.0-or-later (see LICENSE)
"""Bars: parts of a whole as widths in per cent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import page_words as words

# Widths in pixels: a bar on a narrow phone, a letter in it, what stays free around a name.
NARROW, LETTER, AROUND = 300, 7.2, 12
Part = tuple[str, str, float]  # kind (how it is drawn), label, amount

# How a claim is drawn, and what it is called.
CLAIMS = {
    "sidekiq_workers": ("sidekiq", "Sidekiq"),
    "puma": ("puma", "Puma"),
    "streaming": ("streaming", "streaming"),
    "postgres": ("postgres", "PostgreSQL"),
    "redis": ("redis", "Redis"),
    "minio": ("minio", "MinIO"),
    "nginx": ("small", "nginx"),
    "pgbouncer": ("small", "PgBouncer"),
    "relay": ("small", "relay"),
    "system": ("small", "system services"),
}


def bar(parts: Iterable[Part], unit: str, units: str = "") -> list[dict[str, Any]]:
    """Parts from left to right: kind, label, amount, text, share (of 1), x and width (per cent), named (has room).

    The widths add up to 100; parts of nothing are left out. unit: what is counted, units: more of it than one.
    """
    kept = [part for part in parts if part[2] > 0]
    total = sum(amount for _, _, amount in kept)
    found = []
    before = 0.0
    for kind, label, amount in kept:
        x, after = 100 * before / total, 100 * (before + amount) / total
        before += amount
        found.append(
            {
                "kind": kind,
                "label": label,
                "amount": amount,
                "text": f"{words.number(amount)} {unit if amount == 1 else units or unit}",
                "share": words.percent(amount / total),
                "x": round(x, 3),
                "width": round(after - x, 3),
                "named": NARROW * (after - x) / 100 >= LETTER * len(label) + AROUND,
            }
        )
    return found


def memory(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A host's memory_mb: largest claim first, then what is kept for the system, then what is free."""
    claims = sorted(given["claims"].items(), key=lambda claim: (-claim[1], claim[0]))
    parts: list[Part] = [(*CLAIMS.get(name, ("small", name)), amount) for name, amount in claims]
    parts += [("reserve", "kept for the system", given["reserve"]), ("free", "free", given["free"])]
    return bar(parts, "MB")


def connections(ledger: Mapping[str, int]) -> list[dict[str, Any]]:
    """What may be open against what PostgreSQL allows."""
    parts: list[Part] = [
        ("sidekiq", "pools", ledger["server_pool"]),
        ("puma", "their reserves", ledger["reserve"]),
        ("redis", "past the poolers", ledger["direct"]),
        ("reserve", "superuser", ledger["reserved"]),
        ("free", "free", ledger["max_connections"] - sum(ledger[key] for key in SUMMANDS)),
    ]
    return bar(parts, "connection", "connections")


SUMMANDS = ("server_pool", "reserve", "direct", "reserved")


def queue(expected: float, together: float, alone: float) -> list[dict[str, Any]]:
    """Jobs a second of a queue: what arrives, what more it does while all queues are busy, what more alone."""
    parts: list[Part] = [
        ("sidekiq", "arrives", min(expected, together)),
        ("missing", "too much", max(0.0, expected - together)),
        ("puma", "room", max(0.0, together - expected)),
        ("free", "more if alone", max(0.0, alone - max(expected, together))),
    ]
    return bar(parts, "a second")
