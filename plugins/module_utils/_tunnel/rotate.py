# GPL-3.0-or-later (see LICENSE)
"""What both sides of a key rotation need: the socket inside the tunnel, the file, the running interface."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_file, read_text
from .._wire.observed import Dump, parse_dump
from .._wire.rotation_course import Told, decode, encode
from .._wire.wgfile import WgFile, masked, parse, render
from . import key, mesh

# Linux's number, which the module socket names only since Python 3.3 on Linux.
SO_BINDTODEVICE = 25
LOCK_PATIENCE = 60.0


class Talk(Protocol):
    """How messages go: Link below."""

    def send(self, where: str, told: Told) -> None: ...

    def receive(self, wait: float) -> tuple[str, Told] | None: ...


class Link:
    """Datagrams of one run, on one interface only: what arrives there was authenticated by WireGuard."""

    def __init__(self, interface: str, address: str, port: int, run: str) -> None:
        self._run, self._port = run, port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode())
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise Refusal(
                f"UDP port {port} of {address} on {interface} cannot be used ({error}): set another "
                "wireguard_rotation_port. Nothing was changed."
            ) from None

    def send(self, where: str, told: Told) -> None:
        """One datagram. One that cannot be sent is a lost one: it is repeated until it is answered."""
        with contextlib.suppress(OSError):
            self._socket.sendto(encode(self._run, told), (where, self._port))

    def receive(self, wait: float) -> tuple[str, Told] | None:
        """The next message of this run and its sender's address, or None after `wait` seconds."""
        deadline = time.monotonic() + wait
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], left)[0]:
                return None
            with contextlib.suppress(OSError):
                data, sender = self._socket.recvfrom(2048)
                told = decode(self._run, data)
                if told:
                    return sender[0], told

    def close(self) -> None:
        """No more datagrams."""
        self._socket.close()


@dataclass
class Place:
    """One interface on this host: its file, and what runs."""

    module: Module
    changes: Changes
    interface: str

    def __post_init__(self) -> None:
        self.shell = Shell(self.module)
        self.paths = key.Paths(self.interface)
        text = read_text(self.paths.conf)
        if text is None or not parse(text).ours:
            raise Refusal(f"{self.paths.conf} is not ours: run the play for this host first. Nothing was changed.")
        self.filed: WgFile = parse(text)
        if not self.filed.addresses:
            raise Refusal(f"{self.paths.conf} has no Address: run the play for this host first. Nothing was changed.")
        self.address = self.filed.addresses[0].split("/")[0]

    def dump(self) -> Dump:
        """The running interface."""
        shown = self.shell.run(["wg", "show", self.interface, "dump"], check=False)
        if shown.code != 0:
            raise Refusal(
                f"{self.interface} does not run ({shown.err.strip()}): run the play for this host first. "
                "Nothing was changed."
            )
        return parse_dump(shown.out)

    def shakes(self) -> dict[str, int]:
        """{public key: seconds since the epoch of its last handshake}; none where the interface has gone."""
        shown = self.shell.run(["wg", "show", self.interface, "latest-handshakes"], check=False)
        rows = [line.split() for line in shown.out.splitlines()] if shown.code == 0 else []
        return {row[0]: int(row[1]) for row in rows if len(row) == 2}

    def write(self, file: WgFile) -> None:
        """The file as it is to be, when it differs."""
        spec = FileSpec(self.paths.conf, render(file), "0600", key.OWNER, key.GROUP)
        quiet = Changes()
        if put_file(self.module, spec, quiet, secret=True):
            self.changes.actions += quiet.actions
            texts = masked(self.filed, file)
            if texts[0] != texts[1]:
                headers = {"before_header": self.paths.conf, "after_header": self.paths.conf}
                self.changes.diff.append({**headers, "before": texts[0], "after": texts[1]})
        self.filed = file


@contextlib.contextmanager
def locked(interface: str, check_mode: bool) -> Iterator[None]:
    """The lock that a run of wireguard_mesh takes, waited for no longer than a rotation can wait."""
    if check_mode:
        yield
        return
    deadline = time.monotonic() + LOCK_PATIENCE
    handle = os.open(f"{mesh.LOCKS}/fediverse-wireguard-{interface}.lock", os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Refusal(
                        f"another run still works on {interface}, {LOCK_PATIENCE:.0f} s long: run again when it has "
                        "ended. Nothing was changed."
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)
