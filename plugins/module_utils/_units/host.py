# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host: reads what is there, takes the actions. The only part that touches anything."""

from __future__ import annotations

import glob
import http.client
import json
import os
import platform
import re
import stat
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from .._shell import Refusal, Shell, read_text
from .decide import decide, doubtful, nothing_runs, parts_of, renewed, to_record
from .model import ABSENT, SYSTEMD, Action, Desired, File, Instance, Observed, UnitsError, UnitState, digest

RECORDS = "/var/lib/mastodon-units"
UNIT_DIRECTORIES = (SYSTEMD, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
_PROPERTIES = "Id,ActiveState,SubState,UnitFileState,MainPID,NeedDaemonReload,Result"


def parse_show(text: str) -> dict[str, UnitState]:
    """`systemctl show UNIT… -p …`: one block per unit, an empty line between."""
    states = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            states[values["Id"]] = UnitState(
                active=values.get("ActiveState", "inactive"),
                sub=values.get("SubState", "dead"),
                enabled=values.get("UnitFileState", "") in ("enabled", "enabled-runtime"),
                pid=int(values.get("MainPID") or 0),
                needs_reload=values.get("NeedDaemonReload") == "yes",
                result=values.get("Result", ""),
            )
    return states


def unit_states(shell: Shell, units: Iterable[str]) -> dict[str, UnitState]:
    wanted = list(units)
    return parse_show(shell.run(["systemctl", "show", f"--property={_PROPERTIES}", *wanted]).out) if wanted else {}


def drop_in_directories(unit: str) -> list[str]:
    """Whose *.conf systemd adds to this unit: service.d, mastodon-.service.d, mastodon-web@.service.d, …"""
    stem, kind = unit.rsplit(".", 1)
    prefix = stem.split("@", 1)[0]
    dashes = [prefix[: match.end()] for match in re.finditer("-", prefix)]
    return [f"{kind}.d", *(f"{dash}.{kind}.d" for dash in dashes), f"{prefix}@.{kind}.d", f"{unit}.d"]


def watched(path: str) -> str:
    """A link to a directory counts by where it leads, a file by its content."""
    if os.path.isdir(path):
        return os.path.realpath(path)
    content = read_text(path)
    return ABSENT if content is None else digest(content)


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def _record(unit: str) -> dict[str, str] | None:
    content = read_text(os.path.join(RECORDS, unit))
    if content is None:
        return None
    try:
        parts = json.loads(content)["parts"]
        return {str(key): str(value) for key, value in parts.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # half-written or of another version: as good as none


def known_instances(shell: Shell, desired: Desired) -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    """Every instance of the family that left a trace: loaded, enabled, recorded, or with files of ours."""
    found: set[str] = set()
    unit = re.compile(rf"{re.escape(desired.family)}@(.+)\.(?:service|socket)\Z")
    pattern = f"{desired.family}@*"
    listed = shell.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", pattern]).out
    names = [line.split()[0] for line in listed.splitlines() if line]
    names += [os.path.basename(path) for path in glob.glob(f"{SYSTEMD}/*.wants/{pattern}")]
    names += [os.path.basename(path) for path in glob.glob(f"{RECORDS}/{pattern}")]
    found.update(match.group(1) for match in map(unit.match, names) if match)

    leftovers: dict[str, list[str]] = {}
    for file_pattern in desired.instance_files:
        matcher = re.compile(re.escape(file_pattern).replace("%i", "([^/]+)") + r"\Z")
        for path in glob.glob(file_pattern.replace("%i", "*")):
            match = matcher.match(path)
            if match and match.group(1):
                leftovers.setdefault(match.group(1), []).append(path)
    for path in glob.glob(f"{RECORDS}/{pattern}"):
        match = unit.match(os.path.basename(path))
        if match:
            leftovers.setdefault(match.group(1), []).append(path)
    return frozenset(found | set(leftovers)), {name: tuple(sorted(paths)) for name, paths in leftovers.items()}


def observe(shell: Shell, desired: Desired) -> Observed:
    instances, leftovers = known_instances(shell, desired)
    ours = {file.path for file in desired.shared_files}
    ours.update(file.path for item in desired.instances for file in item.files)
    files: dict[str, tuple[str, int] | None] = {}
    for path in sorted(ours):
        content = read_text(path)
        files[path] = None if content is None else (content, _mode(path))

    names = [item.name for item in desired.instances]
    drop_ins: dict[str, dict[str, str]] = {}
    for name in names:
        for unit in desired.units(name):
            paths = [
                path
                for base in UNIT_DIRECTORIES
                for directory in drop_in_directories(unit)
                for path in sorted(glob.glob(f"{base}/{directory}/*.conf"))
                if path not in ours
            ]
            drop_ins[unit] = {path: watched(path) for path in paths}
    units = [unit for name in sorted(instances | set(names)) for unit in desired.units(name)]
    records = {unit: _record(unit) for name in names for unit in desired.units(name)}
    return Observed(
        units=unit_states(shell, units),
        files=files,
        watched={path: watched(path) for path in desired.watch},
        drop_ins=drop_ins,
        records={unit: parts for unit, parts in records.items() if parts is not None},
        instances=instances,
        leftovers=leftovers,
    )


def write(path: str, content: str, mode: int) -> None:
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    beside = f"{path}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
        handle.write(content)
        handle.flush()
        os.fchmod(handle.fileno(), mode)
        os.fsync(handle.fileno())
    os.replace(beside, path)


def remove(path: str) -> None:
    os.unlink(path)
    directory = os.path.dirname(path)
    if directory.endswith(".d") and not os.listdir(directory):
        os.rmdir(directory)


def _keep_record(desired: Desired, instance: Instance, unit: str, observed: Observed) -> None:
    os.makedirs(RECORDS, mode=0o700, exist_ok=True)
    parts = parts_of(desired, instance, unit, observed)
    write(os.path.join(RECORDS, unit), json.dumps({"parts": parts}, indent=1, sort_keys=True) + "\n", 0o600)


def _forget(unit: str) -> None:
    path = os.path.join(RECORDS, unit)
    if os.path.exists(path):
        os.unlink(path)


def _answer(health_url: str, headers: dict[str, str], limit: float) -> str:
    """Empty when it answered 200, else what it did instead."""
    url = urlsplit(health_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=limit)
    try:
        connection.request("GET", url.path or "/", headers=headers)
        status = connection.getresponse().status
        return "" if status == 200 else f"answers {status}"
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer ({error or type(error).__name__})"
    finally:
        connection.close()


def _await_health(shell: Shell, desired: Desired, instance: Instance) -> str:
    """Empty when healthy in time, else the reason."""
    service = desired.service(instance.name)
    deadline = time.monotonic() + desired.timeout
    while True:
        state = unit_states(shell, [service])[service]
        reason = "" if state.active == "active" else f"is {state.active} ({state.sub}, last result {state.result})"
        if not reason and instance.health:
            left = max(1.0, deadline - time.monotonic())
            answer = _answer(instance.health.url, dict(instance.health.headers), left)
            reason = f"GET {instance.health.url} {answer}" if answer else ""
        if not reason:
            return ""
        if time.monotonic() >= deadline:
            return reason
        time.sleep(0.25)


def _check_mapped(instance: Instance, pid: int) -> str:
    if not instance.mapped:
        return ""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as handle:
        return "" if instance.mapped in handle.read() else f"{instance.mapped} is not mapped into process {pid}"


def _unhealthy(shell: Shell, service: str, reason: str) -> UnitsError:
    journal = shell.run(["journalctl", "--no-pager", "--lines=15", f"--unit={service}"], check=False).out
    return UnitsError(
        f"{service} on {platform.node()} is not healthy: {reason}. Its last journal lines:\n{journal.rstrip()}\n"
        f"Instances after this one wait for the next run. Try `journalctl -u {service} -n 100` and "
        f"`systemctl restart {service}`; once the cause is mended, run the playbook again: it goes on here."
    )


def _start(shell: Shell, desired: Desired, instance: Instance, verb: str) -> None:
    service = desired.service(instance.name)
    units = desired.units(instance.name)
    try:
        shell.run(["systemctl", "reset-failed", *units], check=False)
        if verb == "rebind":
            shell.run(["systemctl", "stop", *units])
        if desired.socket:
            shell.run(["systemctl", "start", units[0]])
        shell.run(["systemctl", "restart" if verb == "restart" else "start", service])
    except Refusal as error:
        raise _unhealthy(shell, service, str(error)) from error
    reason = _await_health(shell, desired, instance)
    reason = reason or _check_mapped(instance, unit_states(shell, [service])[service].pid)
    if reason:
        raise _unhealthy(shell, service, reason)


def apply(shell: Shell, desired: Desired, observed: Observed, actions: list[Action]) -> None:
    by_name = {item.name: item for item in desired.instances}
    contents: dict[str, File] = {file.path: file for file in desired.shared_files}
    contents.update({file.path: file for item in desired.instances for file in item.files})
    together: list[str] = []
    if nothing_runs(desired, observed):
        started = [action.instance for action in actions if action.verb == "start" and action.instance]
        together = [unit for name in started for unit in desired.units(name)]
    for action in actions:
        if action.verb == "start" and together:
            # They boot side by side; below each is waited for and asked for its health in its turn.
            shell.run(["systemctl", "reset-failed", *together], check=False)
            shell.run(["systemctl", "start", "--no-block", *together])
            together = []
        for unit in doubtful(desired, observed, action, actions):
            _forget(unit)
        if action.verb == "write":
            file = contents[action.target]
            write(file.path, file.content, file.mode)
        elif action.verb == "remove":
            remove(action.target)
        elif action.verb == "daemon-reload":
            shell.run(["systemctl", "daemon-reload"])
        elif action.verb in ("enable", "disable"):
            shell.run(["systemctl", "--no-reload", action.verb, action.target])
        elif action.verb == "stop":
            shell.run(["systemctl", "stop", action.target])
        elif action.instance:
            _start(shell, desired, by_name[action.instance], action.verb)
            for unit in renewed(desired, observed, action):
                _keep_record(desired, by_name[action.instance], unit, observed)
    for instance, unit in to_record(desired, observed, actions):
        _keep_record(desired, instance, unit, observed)


def settle(shell: Shell, desired: Desired, check_mode: bool) -> tuple[Observed, list[Action]]:
    observed = observe(shell, desired)
    actions = decide(desired, observed)
    if not check_mode:
        apply(shell, desired, observed, actions)
    return observed, actions
