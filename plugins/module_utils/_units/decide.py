# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what was found to the actions, in the order in which they are taken.

A unit is restarted when what it would read at its next start differs from what it read at its last healthy one. That
is recorded only after the health check, so a run that died half-way is finished by the next one.
"""

from __future__ import annotations

import re

from .model import ABSENT, SYSTEMD, Action, Desired, File, Instance, Observed, Parts, UnitState, digest

NOTHING = UnitState()


def _of_systemd(path: str) -> bool:
    return path.startswith(SYSTEMD + "/")


def _is_of_socket(path: str) -> bool:
    return re.search(r"[./]socket(\.d/|\Z)", path) is not None


def parts_of(desired: Desired, instance: Instance, unit: str, observed: Observed) -> dict[str, str]:
    """Everything that this unit of the instance reads when it starts."""
    is_socket = unit.endswith(".socket")
    parts = {} if is_socket else {path: observed.watched.get(path, ABSENT) for path in desired.watch}
    for file in (*desired.shared_files, *instance.files):
        if _is_of_socket(file.path) == is_socket:
            parts[file.path] = digest(file.content)
    parts.update(observed.drop_ins.get(unit, {}))
    return parts


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

    def news(unit: str) -> str:
        recorded = observed.records.get(unit)
        if recorded is None:
            return "no healthy start on record"
        changed = differences(recorded, parts_of(desired, instance, unit, observed))
        return "changed: " + ", ".join(changed) if changed else ""

    why = news(service) if not state.is_down or instance.state != "started" else f"is {state.active}"
    for socket in desired.units(instance.name)[:-1]:
        gate = observed.units.get(socket, NOTHING)
        moved = "its socket does not listen" if gate.is_down else news(socket)
        if moved and not (state.is_down and gate.is_down):
            # systemd does not rebind a socket under a running service, nor when its file changes.
            return [Action("rebind", service, moved, instance.name)]
    if not why and state.is_up:
        return []
    if state.is_down or not (why or state.is_up):
        # Between down and up systemd is already at it (boot, automatic restart): wait for it instead of starting over.
        return [Action("start", service, why or f"is {state.active}", instance.name)]
    return [Action("restart", service, why, instance.name)]


def _to_reload(actions: list[Action]) -> list[Action]:
    """After new unit files and after links to them: systemd takes either for something that it has not read yet."""
    unread = [
        action.verb in ("enable", "disable") or (action.verb in ("write", "remove") and _of_systemd(action.target))
        for action in actions
    ]
    return [Action("daemon-reload", "", "unit files changed")] if any(unread) else []


def _files_of(desired: Desired, instance: Instance, observed: Observed) -> list[Action]:
    return _to_write(instance.files, observed, instance.name) + _to_enable(desired, instance, observed)


def nothing_runs(desired: Desired, observed: Observed) -> bool:
    """No wanted instance runs or is about to: a first deployment, or a family that was stopped by hand."""
    return all(
        observed.units.get(unit, NOTHING).is_down for item in desired.instances for unit in desired.units(item.name)
    )


def decide(desired: Desired, observed: Observed) -> list[Action]:
    # Removed instances go first: their port, their connections and the scheduler queue must be free for the others.
    actions = _to_remove(desired, observed) + _to_write(desired.shared_files, observed, None)
    reload = _to_reload(actions)
    if not reload and any(state.needs_reload for state in observed.units.values()):
        reload = [Action("daemon-reload", "", "unit files had changed before")]
    actions += reload
    if nothing_runs(desired, observed):
        # Nobody to protect, so all are started together, as at boot: files first, then one reload for all of them.
        files = [action for item in desired.instances for action in _files_of(desired, item, observed)]
        runs = [action for item in desired.instances for action in _to_run(desired, item, observed)]
        return actions + files + _to_reload(files) + runs
    # Each instance gets its files only when its turn comes: behind one that fails, the others keep what they run with.
    for instance in desired.instances:
        files = _files_of(desired, instance, observed)
        actions += files + _to_reload(files) + _to_run(desired, instance, observed)
    return actions


def renewed(desired: Desired, observed: Observed, action: Action) -> tuple[str, ...]:
    """The units that this action starts from what is on the disk."""
    if action.verb not in ("start", "restart", "rebind") or action.instance is None:
        return ()
    *sockets, service = desired.units(action.instance)
    fresh = [unit for unit in sockets if action.verb == "rebind" or observed.units.get(unit, NOTHING).is_down]
    return (*fresh, service)


def doubtful(desired: Desired, observed: Observed, action: Action, actions: list[Action]) -> set[str]:
    """The units whose record must go before this action: until they are healthy again, nobody may believe that they
    run what is on the disk. A shared file concerns all instances, anything else its own."""
    if action.verb in ("stop", "disable", "remove") or (action.instance is None and action.verb != "write"):
        return set()
    concerned = [other for other in actions if action.instance in (None, other.instance)]
    return {unit for other in concerned for unit in renewed(desired, observed, other)}


def to_record(desired: Desired, observed: Observed, actions: list[Action]) -> list[tuple[Instance, str]]:
    """Stopped instances: what their next start would read is known without any start, so it can be noted at once."""
    running = {action.instance for action in actions if renewed(desired, observed, action)}
    return [
        (item, unit)
        for item in desired.instances
        if item.name not in running
        for unit in desired.units(item.name)
        if observed.records.get(unit) != parts_of(desired, item, unit, observed)
    ]
