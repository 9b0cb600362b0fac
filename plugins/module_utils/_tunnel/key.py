# GPL-3.0-or-later (see LICENSE)
"""A host's private key: made here, kept here, replaced in steps (wireguard-join c.2, c.6). Only public keys leave."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass

from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_directory, put_file, read_text
from .._wire.checks import short
from .._wire.model import Secret
from .._wire.read import is_key
from .._wire.wgfile import parse
from .._wire.x25519 import public_key

DIRECTORY = "/etc/wireguard"
MACHINE_ID = "/etc/machine-id"
OWNER, GROUP = "root", "root"


@dataclass(frozen=True)
class Paths:
    """Where the files of one interface are. `before` is the key that was replaced, until the rotation is settled."""

    interface: str
    directory: str = ""

    def _path(self, end: str) -> str:
        return f"{self.directory or DIRECTORY}/{self.interface}{end}"

    @property
    def key(self) -> str:
        return self._path(".key")

    @property
    def next(self) -> str:
        return self._path(".key.next")

    @property
    def before(self) -> str:
        return self._path(".key.before")

    @property
    def machine(self) -> str:
        """The machine's fingerprint at the time the key was made."""
        return self._path(".key.machine")

    @property
    def conf(self) -> str:
        return self._path(".conf")


def fingerprint() -> str:
    """A hash of this machine's id, the same at each run; empty when the machine has none. The id itself is private."""
    text = (read_text(MACHINE_ID) or "").strip()
    return hashlib.sha256(f"fediverse.mastodon wireguard {text}".encode()).hexdigest()[:32] if text else ""


def read_secret(path: str) -> Secret | None:
    """The private key of a file, or None when there is no file. Refused, without its text, when it is no key."""
    text = read_text(path)
    if text is None:
        return None
    secret = Secret(text.strip())
    try:
        public_key(secret)
    except ValueError:
        raise Refusal(
            f"{path} holds no private key. Restore it from a backup, or remove it: a new key is made then, and the "
            "play has to run for all peers."
        ) from None
    return secret


def shown(secret: Secret | None) -> str:
    """The public key, empty without a private one."""
    return public_key(secret) if secret else ""


def generate() -> Secret:
    """A new private key, clamped as `wg genkey` does it."""
    raw = bytearray(secrets.token_bytes(32))
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return Secret(base64.b64encode(bytes(raw)).decode())


def running_key(shell: Shell, paths: Paths) -> str:
    """The public key that the interface runs with, else the one that its file would start it with, else nothing."""
    if shutil.which("wg"):
        shown_by_wg = shell.run(["wg", "show", paths.interface, "public-key"], check=False)
        if shown_by_wg.code == 0 and is_key(shown_by_wg.out.strip()):
            return shown_by_wg.out.strip()
    text = read_text(paths.conf)
    secret = parse(text).private_key if text is not None else None
    try:
        return shown(secret)
    except ValueError:
        return ""


class Keys:
    """The key files of one interface and what a state does to them. In check mode nothing is written."""

    def __init__(self, module: Module, paths: Paths, changes: Changes) -> None:
        self.module, self.paths, self.changes = module, paths, changes
        # What the files hold, or would hold in check mode. A key that would be made is None, and `made`.
        self.key = read_secret(paths.key)
        self.next = read_secret(paths.next)
        self.before = read_secret(paths.before)
        self.made = False

    def present(self, fingerprint_host: bool) -> None:
        """The key is there: as it was, taken from a wg-quick file, or made now."""
        directory = os.path.dirname(self.paths.key)
        put_directory(self.module, directory, self.changes, owner=OWNER, group=GROUP, mode="0700")
        if fingerprint_host:
            self._refuse_copy()
        if self.key is None:
            self._first()
        else:
            put_file(self.module, FileSpec(self.paths.key, None, "0600", OWNER, GROUP), self.changes)
        machine = fingerprint()
        if fingerprint_host and machine:
            spec = FileSpec(self.paths.machine, f"{machine}\n", "0600", OWNER, GROUP)
            put_file(self.module, spec, self.changes)

    def stage(self) -> None:
        """A next key is there. Peers learn it before it is used."""
        self._need_key()
        if self.next is not None:
            return
        if self.before is not None:
            raise Refusal(
                f"{self.paths.before} is there: the last rotation is not finished. Finish it with state settled, or go "
                "back with state rolled_back."
            )
        self._do(f"make the next key {self.paths.next}")
        if not self.module.check_mode:
            self.next = generate()
            self._write(self.paths.next, self.next)

    def promote(self) -> None:
        """The next key is the key; the old one is kept for the way back. Killed anywhere, the key is never missing."""
        self._need_key()
        if self.next is None:
            if self.before is None:
                raise Refusal(f"there is no next key {self.paths.next}: make it with state next, and tell the peers.")
            return
        self._do(f"switch {self.paths.key} from {short(shown(self.key))} to {short(shown(self.next))}")
        if not self.module.check_mode:
            self._write(self.paths.before, self.key)
            os.replace(self.paths.next, self.paths.key)
        self.before, self.key, self.next = self.key, self.next, None

    def roll_back(self) -> None:
        """The old key is the key again; the new one waits as the next. Nothing to do without an old one."""
        self._need_key()
        if self.before is None:
            return
        if self.before == self.key:  # a run died before it switched
            self._remove(self.paths.before)
            self.before = None
            return
        self._do(f"switch {self.paths.key} back from {short(shown(self.key))} to {short(shown(self.before))}")
        if not self.module.check_mode:
            self._write(self.paths.next, self.key)
            os.replace(self.paths.before, self.paths.key)
        self.next, self.key, self.before = self.key, self.before, None

    def settle(self) -> None:
        """The old key goes."""
        self._need_key()
        if self.before is not None and self.next is not None:
            raise Refusal(f"{self.paths.next} is not in use yet: state promoted comes before settled.")
        self._remove(self.paths.before, self.before is not None)
        self.before = None

    def converge(self, running: str) -> None:
        """After a rotation that was cut off anywhere: the files follow the key that runs, since the peers do too.

        running: the public key of the interface, or of the file that it would start with; empty when neither is there.
        """
        if self.key is None or (self.next is None and self.before is None):
            return
        if self.next == self.key:  # a run died while it went back
            self._remove(self.paths.next)
            self.next = None
        if self.next is not None and running == shown(self.next):
            self.promote()
        if self.before is not None and self.before != self.key and running == shown(self.before):
            self.roll_back()
        elif self.before is not None and running == shown(self.key):
            self._remove(self.paths.before, True)
            self.before = None

    def absent(self) -> None:
        """No key is left. Refused while our tunnel's file needs it."""
        if os.path.exists(self.paths.conf):
            raise Refusal(f"{self.paths.conf} still uses the key: remove the tunnel first (wireguard_mesh, absent).")
        for path in (self.paths.next, self.paths.before, self.paths.machine, self.paths.key):
            self._remove(path)
        self.key = self.next = self.before = None

    def _refuse_copy(self) -> None:
        recorded = (read_text(self.paths.machine) or "").strip()
        machine = fingerprint()
        if self.key is not None and recorded and machine and recorded != machine:
            raise Refusal(
                f"{self.paths.key} was made on another machine: this host is a copy of that one's image, and two hosts "
                f"with one key take each other's packets. Remove {self.paths.key} and {self.paths.machine} here; the "
                "next run makes a new key."
            )

    def _first(self) -> None:
        text = read_text(self.paths.conf)
        taken = parse(text).private_key if text is not None else None
        if taken is not None:
            try:
                public_key(taken)
            except ValueError:
                raise Refusal(
                    f"{self.paths.conf} has a PrivateKey that is no key: repair or remove the file."
                ) from None
            self._do(f"take the key of {self.paths.conf} over into {self.paths.key}")
            self.key = taken
        else:
            self._do(f"make the key {self.paths.key}")
            self.made = True
            self.key = None if self.module.check_mode else generate()
        if not self.module.check_mode:
            self._write(self.paths.key, self.key)

    def _need_key(self) -> None:
        if self.key is None:
            raise Refusal(f"there is no {self.paths.key}: make it with state present.")

    def _do(self, says: str) -> None:
        self.changes.actions.append(says)

    def _remove(self, path: str, there: bool = False) -> None:
        """there: a run would have it by now, though check mode has not."""
        if there or os.path.lexists(path):
            self._do(f"remove {path}")
            if not self.module.check_mode:
                os.unlink(path)

    def _write(self, path: str, secret: Secret | None) -> None:
        """Whole or not at all, on the disk before the name exists, and never readable for others."""
        directory = os.path.dirname(path)
        handle, draft = tempfile.mkstemp(dir=directory, prefix=".fediverse.")
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(f"{secret.reveal() if secret else ''}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
        place = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
