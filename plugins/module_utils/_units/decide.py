# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what was found to the actions, in the order in which they are taken.

A unit is restarted when what it would read at its next start differs from what it read at its last healthy one. That
is recorded only after the health check, so a run that died half-way is finished by the next one.
"""

from __future__ import annotations

import re

from .model import ABSENT, Action, Desired, File, Instance, Observed, Parts, UnitState, digest

NOTHING = UnitState()


def parts_of(desired: Desired, instance: Instance, observed: Observed) -> dict[str, str]:
    """Everything that the instance reads when it starts."""
    parts = {path: observed.watched.get(path, ABSENT) for path in desired.watch}
    parts.update({file.path: digest(file.content) for file in (*desired.shared_files, *instance.files)})
    for unit in desired.units(instance.name):
        parts.update(observed.drop_ins.get(unit, {}))
    return parts


def _is_of_socket(path: str) -> bool:
    return re.search(r"[./]socket(\.d/|\Z)", path) is not None


def differences(recorded: Parts, parts: Parts) -> list[str]:
    return sorted(key for key in {*recorded, *parts} if recorded.get(key) != parts.get(key))


def _to_write(files: tuple[File, ...], observed: Observed, instance: str | None) -> list[Action]:
    actions = []
    for file in files:
        found = observed.files.get(file.path)
        if found is None:
            actions.append(Action("write", file.path, "new", instance))
        elif found != (file.content, file.mode):
            actions.append(Action("write", file.path, "content" if found[0] != file.content else "mode", instance))
    return actions


def _to_remove(desired: Desired, observed: Observed) -> list[Action]:
    actions = []
    for name in sorted(observed.instances - {item.name for item in desired.instances}):
        # The socket first: as long as it listens, the next connection would start the service again.
        for unit in desired.units(name):
            state = observed.units.get(unit, NOTHING)
            if not state.is_down:
                actions.append(Action("stop", unit, "not wanted here any more", name))
            if state.enabled:
                actions.append(Action("disable", unit, "", name))
        actions += [Action("remove", path, "", name) for path in sorted(observed.leftovers.get(name, ()))]
    return actions


def _to_enable(desired: Desired, instance: Instance, observed: Observed) -> list[Action]:
    wanted = instance.state == "started"
    return [
        Action("enable" if wanted else "disable", unit, "", instance.name)
        for unit in desired.units(instance.name)
        if observed.units.get(unit, NOTHING).enabled != wanted
    ]


def _to_run(desired: Desired, instance: Instance, observed: Observed) -> list[Action]:
    service = desired.service(instance.name)
    state = observed.units.get(service, NOTHING)
    if instance.state == "stopped":
        return [
            Action("stop", unit, "", instance.name)
            for unit in desired.units(instance.name)
            if not observed.units.get(unit, NOTHING).is_down
        ]
    if instance.state == "as_found" and state.is_down:
        return []

    recorded = observed.records.get(service)
    changed = differences(recorded, parts_of(desired, instance, observed)) if recorded is not None else []
    why = "changed: " + ", ".join(changed) if changed else "no healthy start on record"
    socket = desired.units(instance.name)[0] if desired.socket else None
    gate = observed.units.get(socket, NOTHING) if socket else None
    listening = gate is None or gate.is_up
    if recorded is not None and not changed:
        if state.is_up and listening:
            return []
        if not state.is_down and not state.is_up:
            # systemd is already at it (boot, automatic restart): wait for it instead of starting over.
            return [Action("start", service, f"is {state.active}", instance.name)]
        why = f"is {state.active}" if not state.is_up else "its socket does not listen"
    rebinds = any(_is_of_socket(path) for path in changed)
    if gate and ((not state.is_down and not listening) or (rebinds and not (state.is_down and gate.is_down))):
        # systemd does not rebind a socket under a running service, nor when its file changes.
        return [Action("rebind", service, why, instance.name)]
    return [Action("start" if state.is_down else "restart", service, why, instance.name)]


def decide(desired: Desired, observed: Observed) -> list[Action]:
    writes = _to_write(desired.shared_files, observed, None)
    for instance in desired.instances:
        writes += _to_write(instance.files, observed, instance.name)
    removals = _to_remove(desired, observed)
    enables = [action for item in desired.instances for action in _to_enable(desired, item, observed)]
    runs = [action for item in desired.instances for action in _to_run(desired, item, observed)]

    touched = [action.target for action in writes + removals if action.verb in ("write", "remove")]
    of_systemd = any(File(path, "").of_systemd for path in touched)
    stale = any(state.needs_reload for state in observed.units.values())
    reload = [Action("daemon-reload", "", "unit files changed")] if of_systemd or stale else []
    # Removed instances go first: their port, their connections and the scheduler queue must be free for the others.
    return removals + writes + enables + reload + runs


def to_record(desired: Desired, observed: Observed, actions: list[Action]) -> list[str]:
    """Stopped instances: what their next start would read is known without any start, so it can be noted at once."""
    running = {action.instance for action in actions if action.verb in ("start", "restart", "rebind")}
    return [
        item.name
        for item in desired.instances
        if item.name not in running
        and observed.records.get(desired.service(item.name)) != parts_of(desired, item, observed)
    ]
