# GPL-3.0-or-later (see LICENSE)
"""The one file that knows AnsibleModule's helpers: commands, files, refusals.

The pure cores decide; this file does. Nothing here knows Mastodon.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol


class Module(Protocol):
    """What we use of AnsibleModule."""

    params: dict[str, Any]
    check_mode: bool
    _diff: bool

    def run_command(self, args: Sequence[str], **options: Any) -> tuple[int, str, str]: ...

    def fail_json(self, msg: str, **result: Any) -> NoReturn: ...

    def set_fs_attributes_if_different(self, file_args: dict[str, Any], changed: bool) -> bool: ...


class Refusal(Exception):
    """Something the admin has to decide or to repair: the text names place, setting, figure and fix."""


@contextlib.contextmanager
def reporting(module: Module) -> Iterator[None]:
    """Turn a refusal into the module's failure."""
    try:
        yield
    except Refusal as refusal:
        module.fail_json(msg=str(refusal))


@dataclass(frozen=True)
class Output:
    """What a command answered."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands on the host, as root or as another user."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def run(self, argv: Sequence[str], *, user: str = "", text: str | None = None, check: bool = True) -> Output:
        """Run a command. `user` goes through runuser, which needs neither sudo nor ACLs."""
        command = ["runuser", "-u", user, "--", *argv] if user else list(argv)
        options: dict[str, Any] = {"cwd": "/", "environ_update": {"LC_ALL": "C.UTF-8"}}
        if text is not None:
            options.update(data=text, binary_data=False)
        code, out, err = self._module.run_command(command, **options)
        if check and code != 0:
            raise Refusal(f"`{' '.join(argv)}` ended with {code}: {(err or out).strip()}")
        return Output(code, out, err)


def control(shell: Shell, step: tuple[str, ...]) -> None:
    """One systemctl command; a service that does not come up is named with the end of its journal."""
    done = shell.run(["systemctl", *step], check=False)
    if done.code != 0:
        journal = shell.run(["journalctl", "--no-pager", "-n", "15", "-o", "cat", "-u", step[-1]], check=False).out
        raise Refusal(f"systemctl {' '.join(step)}: {done.err.strip()}\nIts journal ends with:\n{journal.strip()}")


@dataclass(frozen=True)
class FileSpec:
    """A file as it should be. `content` None: only owner, group and mode count."""

    path: str
    content: str | None
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"


@dataclass
class Changes:
    """What was done (or would be, in check mode), in words and as Ansible's diff."""

    actions: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def result(self, **more: Any) -> dict[str, Any]:
        """The keywords for exit_json."""
        return {
            "changed": bool(self.actions),
            "actions": self.actions,
            "notes": self.notes,
            "diff": self.diff,
            **more,
        }


def read_text(path: str) -> str | None:
    """The text of a file, or None when there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def modified(path: str) -> float:
    """When a file was last written; 0 when there is none."""
    return os.stat(path).st_mtime if os.path.exists(path) else 0.0


def _attributes(module: Module, path: str, owner: str, group: str, mode: str, changed: bool) -> bool:
    if module.check_mode and not os.path.exists(path):
        return changed
    wanted: dict[str, Any] = {"path": path, "owner": owner, "group": group, "mode": mode}
    wanted.update(attributes=None, secontext=[None, None, None])
    return module.set_fs_attributes_if_different(wanted, changed)


def put_file(module: Module, spec: FileSpec, changes: Changes, *, secret: bool = False) -> bool:
    """Write a file atomically when it differs. Returns whether it did."""
    before = read_text(spec.path)
    differs = spec.content is not None and before != spec.content
    if differs and not module.check_mode:
        handle, draft = tempfile.mkstemp(dir=os.path.dirname(spec.path), prefix=".fediverse.")
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(spec.content or "")
        # The draft gets its owner and mode before it gets its name: no moment with looser rights.
        _attributes(module, draft, spec.owner, spec.group, spec.mode, False)
        os.replace(draft, spec.path)
    changed = _attributes(module, spec.path, spec.owner, spec.group, spec.mode, differs)
    if changed:
        changes.actions.append(f"write {spec.path}")
    if differs:
        shown = ("(secret)\n", "(secret, changed)\n") if secret else (before or "", spec.content or "")
        headers = {"before_header": spec.path, "after_header": spec.path}
        changes.diff.append({**headers, "before": shown[0], "after": shown[1]})
    return changed


def put_directory(module: Module, path: str, changes: Changes, *, owner: str, group: str, mode: str) -> bool:
    """Make a directory with these rights."""
    missing = not os.path.isdir(path)
    if missing and not module.check_mode:
        os.makedirs(path, mode=0o700)
    changed = _attributes(module, path, owner, group, mode, missing)
    if changed:
        changes.actions.append(f"make {path}/")
    return changed


def drop_files(module: Module, pattern: str, keep: set[str], changes: Changes) -> list[str]:
    """Remove the regular files that match the pattern, but those to keep. Returns the removed paths."""
    extra = sorted(path for path in glob.glob(pattern) if path not in keep and stat.S_ISREG(os.lstat(path).st_mode))
    for path in extra:
        if not module.check_mode:
            os.unlink(path)
        changes.actions.append(f"remove {path}")
    return extra
