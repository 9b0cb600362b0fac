# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and processes of a running nginx: the only part of nginx_config that touches the host."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable

from .tree import Entry, Tree

Run = Callable[[Sequence[str]], "tuple[int, str, str]"]

# The staged tree is mounted over the real one in a mount namespace of this one command: absolute includes, relative
# links and an administrator's own sites are then tested exactly as they will be read.
TEST_IN_NAMESPACE = 'mount --bind "$1" "$2" && exec "$3" -t -q'


class ServerError(Exception):
    """Something that the administrator has to read."""


def read_tree(root: Path) -> dict[str, Entry]:
    """Every file and link below root."""
    tree = {}
    for directory, folders, names in os.walk(root):
        linked = [name for name in folders if os.path.islink(os.path.join(directory, name))]
        for name in names + linked:
            path = Path(directory, name)
            if path.is_symlink():
                tree[str(path.relative_to(root))] = Entry(target=os.readlink(path))
            elif path.is_file():
                tree[str(path.relative_to(root))] = Entry(content=path.read_bytes(), mode=path.stat().st_mode & 0o777)
    return tree


def write(root: Path, changed: Mapping[str, Entry | None]) -> None:
    """Each path is replaced by a rename, so that no reader sees half of it."""
    for name, entry in changed.items():
        path = root / name
        if entry is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(entry.content)
        if entry.target is None:
            os.chmod(temporary, entry.mode)
        else:
            os.unlink(temporary)
            os.symlink(entry.target, temporary)
        os.replace(temporary, path)


def check_pairs(tree: Tree, pairs: Mapping[str, str]) -> None:
    """Certificate to key. nginx itself takes a pair of two kinds (RSA, elliptic curve) and then fails every visitor."""
    for certificate, key in pairs.items():
        with tempfile.TemporaryDirectory(prefix="nginx-pair-") as directory:
            write(Path(directory), {name: tree[name] for name in (certificate, key)})
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                    Path(directory, certificate), Path(directory, key), password=""
                )
            except ssl.SSLError as error:
                reason = (error.reason or str(error)).lower().replace("_", " ")
                raise ServerError(f"{key} is not the key of the certificate {certificate}: {reason}") from None


def try_staged(run: Run, binary: str, root: Path, tree: Tree) -> None:
    """Let nginx read the whole tree as it would be, without touching the one that is."""
    staging = Path(tempfile.mkdtemp(prefix="nginx-staged-"))
    try:
        write(staging, tree)
        namespace = ["unshare", "--mount", "--propagation", "private"]
        code, out, err = run([*namespace, "sh", "-c", TEST_IN_NAMESPACE, "sh", str(staging), str(root), binary])
    finally:
        shutil.rmtree(staging)
    if code and err.startswith(("unshare:", "mount:")):
        raise ServerError(
            f"The new configuration cannot be tested, because this host allows no mount namespace: {err.strip()}"
        )
    if code:
        raise ServerError(
            "nginx refuses the new configuration, the running one is untouched. It says: " + (err or out).strip()
        )


def main_pid(run: Run, service: str) -> int:
    """Process id of the master, 0 when the service does not run."""
    _code, out, _err = run(["systemctl", "show", "--property", "MainPID", "--value", service])
    return int(out.strip() or 0)


def workers(master: int) -> set[int]:
    """Process ids of the workers that take connections; those that only finish theirs say so in their title."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            title = (process / "cmdline").read_text()
        except OSError:  # ended between listing and reading
            continue
        if parent == master and title.startswith("nginx: worker process") and "shutting down" not in title:
            found.add(int(process.name))
    return found


def load(run: Run, service: str, log: Path, timeout: float = 10.0) -> None:
    """Start the service, or reload it and see that new workers took over from all old ones.

    A reload answers at once and keeps the old workers when, for instance, an address cannot be bound: only new workers
    prove it.
    """
    master = main_pid(run, service)
    before = workers(master) if master else set()
    offset = log.stat().st_size if log.exists() else 0
    code, out, err = run(["systemctl", "reload" if master else "start", service])
    if code:
        raise ServerError(f"{service} could not be {'reloaded' if master else 'started'}: {(err or out).strip()}")
    if not master:
        return
    deadline = time.monotonic() + timeout
    while not (current := workers(master)) or current & before:
        if time.monotonic() > deadline:
            raise ServerError(
                f"{service} kept its old workers for {timeout:.0f} s after the reload; log: {_tail(log, offset)}"
            )
        time.sleep(0.1)


def _tail(log: Path, offset: int) -> str:
    if not log.exists():
        return "(no log)"
    with log.open("rb") as stream:
        stream.seek(offset)
        return stream.read().decode(errors="replace").strip()[-2000:]
