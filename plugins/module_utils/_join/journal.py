# GPL-3.0-or-later (see LICENSE)
"""What runs wrote down of joins: begun ones, so that the next run takes back what one that was killed had granted, and
finished ones, so that somebody can speak for a host that died; and of leaves that found a store off, whose door the
next join shuts. Beside the inventory; no secret is in it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any

BEGUN, DONE, LEFT = "joining", "joined", "leaving"
NAME = "mastodon_worker_journal"
_HEADER = """---
# Managed by fediverse.mastodon (playbooks add_worker.yml and remove_worker.yml); keep it with the inventory.
"""


def read(raw: Any) -> dict[str, dict[str, Any]]:
    """The parsed file, or None where there is none. ValueError: something else is in it."""
    if not raw:
        return {}
    entries = raw.get(NAME) if isinstance(raw, Mapping) else None
    if not isinstance(entries, Mapping) or not all(isinstance(one, Mapping) for one in entries.values()):
        raise ValueError(f"the file of {NAME} holds something else: restore it from version control, or remove it")
    return {str(name): dict(one) for name, one in entries.items()}


def render(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The file's text, the same for the same content."""
    # JSON is YAML as well.
    lines = [f"  {json.dumps(name)}: {json.dumps(dict(one), sort_keys=True)}" for name, one in sorted(entries.items())]
    return _HEADER + "\n".join([f"{NAME}:" if lines else f"{NAME}: {{}}", *lines]) + "\n"


def begun(raw: Any, doors: Mapping[str, Any], *, member: bool) -> str:
    """A join begins. member: the host takes jobs already, and a failure must not throw it out."""
    entries = read(raw)
    before = entries.get(doors["worker"], {})
    state = DONE if member else BEGUN
    entries[doors["worker"]] = {**before, "state": state, "doors": dict(doors)}
    return render(entries)


def done(
    raw: Any,
    doors: Mapping[str, Any],
    processes: Collection[Mapping[str, Any]],
    settings: str = "",
    pending: Collection[str] = (),
) -> str:
    """It takes jobs. Its hostname tells later who of the processes in Redis were its own.

    settings: from `fingerprint`. pending: hosts that were off and have not heard of it.
    """
    entries = read(raw)
    mine = sorted((one for one in processes if one.get("mine")), key=lambda one: str(one["identity"]))
    names = sorted({str(one["hostname"]) for one in mine})
    entries[doors["worker"]] = {
        "state": DONE,
        "doors": dict(doors),
        "hostname": names[0] if names else "",
        "instances": sorted(str(one["instance"]) for one in mine),
        "settings": settings,
        "pending": sorted(pending),
    }
    return render(entries)


def settled(raw: Any, worker: str, settings: str) -> bool:
    """Whether it joined with these very settings, and everybody heard of it: there is nothing to write again."""
    one = read(raw).get(worker, {})
    same = bool(settings) and hmac.compare_digest(str(one.get("settings") or ""), settings)
    return same and one.get("state") == DONE and not one.get("pending")


def fingerprint(variables: Mapping[str, Any], key: str) -> str:
    """HMAC-SHA256 of a host's settings. The key is a secret of the installation: passwords are among the settings, and
    this file is not secret. ValueError: no key."""
    if not key:
        raise ValueError("the installation's secrets are not known yet: run the entry `secrets` of role mastodon first")
    text = json.dumps(variables, sort_keys=True, default=str)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def gone(raw: Any, worker: str, doors: Mapping[str, Any] | None = None, away: Collection[str] = ()) -> str:
    """It has left, or its join was taken back. doors, away: where it used a store that is off, that is left to do."""
    entries = read(raw)
    entries.pop(worker, None)
    if doors and still_open(doors, away):
        entries[worker] = {"state": LEFT, "doors": dict(doors)}
    return render(entries)


def still_open(doors: Mapping[str, Any], away: Collection[str]) -> list[str]:
    """Hosts of stores which let it in still, as nobody reached them. Without the others nobody leaves."""
    return [str(one["host"]) for one in doors.get("minio", ()) if one["host"] in away]


def unfinished(raw: Any, names: Collection[str]) -> list[dict[str, Any]]:
    """The doors of joins that a killed run began, and of leaves that are not done, without hosts of this run."""
    return [
        dict(one["doors"])
        for name, one in sorted(read(raw).items())
        if one.get("state") in (BEGUN, LEFT) and name not in names and isinstance(one.get("doors"), Mapping)
    ]


def hostname(raw: Any, worker: str) -> str:
    """How Sidekiq called a host when it joined; empty where nobody wrote it down."""
    return str(read(raw).get(worker, {}).get("hostname") or "")
