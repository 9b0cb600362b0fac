# GPL-3.0-or-later (see LICENSE)
"""The host whose key rotates: it asks its peers, gives the word, switches, and goes back when one does not come."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._shell import Refusal
from .._wire import rotation
from .._wire.checks import short
from .._wire.model import MANAGED, Secret
from .._wire.rotation_course import BYE, DONE, HELLO, MOVED, READY, STAY, TAKEN, USE, WILL, Told
from .._wire.steps import FRESH, Step
from . import host
from .key import Keys, shown
from .rotate import Place, Talk

DRAFTS = "/run"
# Seconds.
ASK = 0.1
TELL = 0.03
POKE = 1.0
# A peer without a handshake lately is asked no longer: a link that was only idle has one at once.
SILENT = 8.0
# From the first word to the switch, beside three round trips; and the last moment for an answer before it.
LEAD_IN, LAST = 0.4, 0.1
# How long a peer may be silent at the end: it keeps the new key by itself.
GOODBYE = 3.0
# How long those that came are waited for when the host goes back.
ROLL_BACK = 5.0

Ping = Callable[[Any, int, float], Mapping[str, float]]


@dataclass
class Peer:
    """One direct peer on the way. rtt: seconds. took: seconds from the switch to its answer through the new session."""

    name: str
    address: str
    key: str
    preshared: Secret | None = None
    before: Secret | None = None
    ready: bool = False
    rtt: float = 0.0
    will: int = -1
    has: str = ""
    took: float | None = None
    bye: bool = False


class Lead:
    """One rotation on the host itself. Everything is refused before the word is given, or undone after it."""

    def __init__(
        self,
        place: Place,
        keys: Keys,
        peers: Mapping[str, str],
        preshared: Mapping[str, str],
        leave_phones: bool = False,
    ) -> None:
        """peers: {host: its address in the tunnel}. preshared: {its public key: preshared key with our next key}.

        leave_phones: rotate although there are peers that nobody tells.
        """
        self.place, self.keys = place, keys
        if keys.key is None or keys.next is None:
            raise Refusal(f"there is no next key {place.paths.next}: wireguard_key with state next comes first.")
        self.secrets = {shown(keys.key): keys.key, shown(keys.next): keys.next}
        self.old, self.new = self.secrets
        running = place.dump()
        if running.public_key != self.old:
            raise Refusal(
                f"{place.interface} runs with the key {short(running.public_key)}, {place.paths.key} is "
                f"{short(self.old)}: run the play for this host first. Nothing was changed."
            )
        self.peers: dict[str, Peer] = {}
        self.handshakes = {one.public_key: one.handshake for one in running.peers}
        for name, address in sorted(peers.items()):
            block = rotation.block_of(place.filed, name)
            if block is None or block.public_key not in self.handshakes:
                raise Refusal(f"{name} has no block here: run the play for this host first. Nothing was changed.")
            text = preshared.get(block.public_key, "")
            self.peers[address] = Peer(name, address, block.public_key, Secret(text) if text else None, block.preshared)
        strangers = [one.name for one in place.filed.peers if one.kind == MANAGED and one.name not in peers]
        if strangers:
            raise Refusal(f"{', '.join(strangers)}: a peer here that nobody named. Run the play. Nothing was changed.")
        # The number of the last word given; 0 while peers are only asked.
        self.number = 0
        self._asked: dict[int, float] = {}
        self.running = self.old
        self.switched = 0.0
        phones = [one.name or short(one.public_key) for one in place.filed.peers if one.kind != MANAGED]
        if phones and not leave_phones:
            raise Refusal(
                f"{', '.join(phones)}: no host of the inventory, and it knows this host by its old key only. Set "
                "wireguard_rotation_leave_unmanaged, and write the new key there by hand. Nothing was changed."
            )

    # -- the whole

    def foresee(self) -> dict[str, Any]:
        """Check mode: the actions of a rotation that goes well."""
        self._says(self.new)
        self.keys.promote()
        self._write(self.new)
        self.keys.settle()
        return self._answer([])

    def lead(self, talk: Talk, ping: Ping, ready: float, wait: float) -> dict[str, Any]:
        """Rotate. ready: seconds for peers to answer at all; wait: seconds for them to come along. Refusal: nothing was
        changed, or everything was changed back."""
        with self._drafts() as draft:
            step = self._switch(self.new, draft)
            try:
                pending, at = self._agree(talk, ready)
            except Refusal:
                self._part(talk, self.old)
                raise
            self._says(self.new)
            self._at(at, step, self.new)
        self._poke(talk)
        self.keys.promote()
        self._write(self.new)
        self._wait(talk, self.new, wait)
        missing = self._missing(ping)
        if missing:
            self._back(talk, missing)
        self._part(talk, self.new)
        self.keys.settle()
        return self._answer(pending)

    # -- before the switch

    def _agree(self, talk: Talk, ready: float) -> tuple[list[str], float]:
        """Peers that are off, and when the others expect the switch. Refusal: it is off."""
        self._gather(talk, ready)
        pending = self._absent(ready)
        at = self._tell(talk, self.new)
        if at is None:
            silent = [one.name for one in self._there() if one.will < self.number]
            raise Refusal(f"{', '.join(silent)}: did not confirm the switch in time. Nothing was changed.")
        return pending, at

    def _there(self) -> list[Peer]:
        return [one for one in self.peers.values() if one.ready]

    def _gather(self, talk: Talk, wait: float) -> None:
        """Ask everybody until all are ready; those that seem to be off not as long."""
        begin, sent = time.monotonic(), 0
        deadline, silent_until = begin + wait, begin + min(wait, SILENT)
        while time.monotonic() < deadline and len(self._there()) < len(self.peers):
            if time.monotonic() >= silent_until and not self._alive():
                return
            sent += 1
            self._asked[sent] = time.monotonic()
            for one in self.peers.values():
                if not one.ready:
                    talk.send(one.address, Told(HELLO, sent))
            self._hear(talk, min(deadline, time.monotonic() + ASK), lambda: len(self._there()) == len(self.peers))

    def _hear(self, talk: Talk, until: float, enough: Callable[[], bool]) -> None:
        """Take in what comes until then, or until it is enough."""
        while not enough():
            heard = talk.receive(max(0.0, until - time.monotonic()))
            if heard is None:
                return
            one, told = self.peers.get(heard[0]), heard[1]
            if one is None:
                continue
            if told.word == READY and told.number in self._asked and not self.number:
                one.ready, one.rtt = True, time.monotonic() - self._asked[told.number]
            elif told.word == WILL:
                one.will = max(one.will, told.number)
            elif told.word in (MOVED, TAKEN):
                if told.word == TAKEN:
                    one.has = told.key
                if told.key == self.new and one.took is None:
                    one.took = time.monotonic() - self.switched
            elif told.word == BYE and told.key == self.running:
                one.bye = True

    def _alive(self) -> list[str]:
        """Peers that are not ready, though they have shaken hands lately."""
        away = [one for one in self.peers.values() if not one.ready]
        return [one.name for one in away if time.time() - self.handshakes[one.key] < FRESH]

    def _absent(self, ready: float) -> list[str]:
        """Peers that are off: they complete at their next run. One that is there and cannot follow stops everything."""
        away = [one for one in self.peers.values() if not one.ready]
        alive = self._alive()
        if alive:
            raise Refusal(
                f"{', '.join(alive)}: up (a handshake within {FRESH} s), but not ready to follow within {ready:.0f} s. "
                "Make it reachable for Ansible, and let UDP of wireguard_rotation_port pass inside the tunnel. "
                "Nothing was changed."
            )
        if self.peers and len(away) == len(self.peers):
            raise Refusal(
                f"none of the peers is there ({', '.join(one.name for one in away)}): nobody would follow. "
                "Nothing was changed."
            )
        return [one.name for one in away]

    def _tell(self, talk: Talk, key: str) -> float | None:
        """Announce the switch to everybody there. When it is due, or None: somebody did not confirm, and it is off."""
        self.number += 1
        there = self._there()
        slowest = max([one.rtt for one in there], default=0.0)
        at = time.monotonic() + LEAD_IN + 3 * slowest
        while True:
            now = time.monotonic()
            left = [one for one in there if one.will < self.number]
            if not left:
                return at
            if now > at - LAST:
                break
            for one in left:
                after = max(0, round((at - now) * 1000))
                talk.send(one.address, Told(USE, self.number, key, after, round(one.rtt * 1000)))
            self._hear(talk, now + TELL, lambda: all(one.will >= self.number for one in there))
        for _ in range(5):
            for one in there:
                talk.send(one.address, Told(STAY, self.number))
            time.sleep(0.01)
        return None

    # -- the switch

    def _says(self, key: str) -> None:
        other = self.old if key == self.new else self.new
        self.place.changes.actions.append(f"own key {short(other)} -> {short(key)}")

    def _preshared(self, key: str) -> dict[str, Secret | None]:
        return {one.key: one.preshared if key == self.new else one.before for one in self.peers.values()}

    def _switch(self, key: str, draft: str) -> Step:
        """The call that switches. Its secrets lie in files of root's, gone a moment later."""
        wanted = self._preshared(key)
        other = self._preshared(self.old if key == self.new else self.new)
        paths = {}
        for number, (peer, secret) in enumerate(sorted(wanted.items())):
            if secret != other[peer]:
                paths[peer] = _draft(f"{draft}/{key[:4].replace('/', '_')}{number}", secret) if secret else "/dev/null"
        return rotation.switch(self.place.interface, _draft(f"{draft}/key", self.secrets[key]), paths)

    def _at(self, at: float, step: Step, key: str) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        self.switched, self.running = time.monotonic(), key
        host.run_step(self.place.shell, step)

    @contextlib.contextmanager
    def _drafts(self) -> Iterator[str]:
        place = tempfile.mkdtemp(prefix="fediverse-wireguard-", dir=DRAFTS)
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def _poke(self, talk: Talk) -> None:
        """One datagram each: this host's own handshake begins now and reaches nobody, since nobody has moved yet. A
        later one could cross the peer's, and both would be lost."""
        for one in self._there():
            talk.send(one.address, Told(HELLO, 0))

    def _write(self, key: str) -> None:
        secret = self.secrets[key]
        self.place.write(rotation.own_file(self.place.filed, secret, self._preshared(key)))

    # -- after it

    def _wait(self, talk: Talk, key: str, wait: float) -> None:
        """Until everybody there has said that it has this key. One that was out of reach is poked again: it watches."""
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and any(one.has != key for one in self._there()):
            until = min(deadline, time.monotonic() + POKE)
            self._hear(talk, until, lambda: all(one.has == key for one in self._there()))
            for one in self._there():
                if one.has != key:
                    talk.send(one.address, Told(HELLO, 0))

    def _missing(self, ping: Ping) -> list[Peer]:
        """Peers that did not come, and do not answer through the tunnel either: a follower that died may have come."""
        silent = [one for one in self._there() if one.has != self.new]
        answers = ping([one.address for one in silent], 0, 1.0) if silent else {}
        return [one for one in silent if one.address not in answers]

    def _back(self, talk: Talk, missing: list[Peer]) -> None:
        """The old key again, for those that came by the word as well. Always a Refusal."""
        lost = {one.name for one in missing}
        for one in missing:
            one.ready = False
        at = self._tell(talk, self.old)
        with self._drafts() as draft:
            self._says(self.old)
            step = self._switch(self.old, draft)
            self._at(time.monotonic() if at is None else at, step, self.old)
        for one in missing:
            one.ready = True
        self._poke(talk)
        self.keys.roll_back()
        self._write(self.old)
        self._wait(talk, self.old, ROLL_BACK)
        self._part(talk, self.old)
        raise Refusal(
            f"{', '.join(sorted(lost))}: did not come along to the new key. This host has its old key again. "
            f"Run the play for {', '.join(sorted(lost))} and look at its journal before the next try."
        )

    def _part(self, talk: Talk, key: str) -> None:
        """Everybody may drop the other key; who does not hear it keeps the right one by itself."""
        deadline = time.monotonic() + GOODBYE
        while time.monotonic() < deadline and any(not one.bye for one in self._there()):
            for one in self._there():
                if not one.bye:
                    talk.send(one.address, Told(DONE, self.number, key))
            self._hear(talk, time.monotonic() + TELL, lambda: all(one.bye for one in self._there()))
        silent = [one.name for one in self._there() if not one.bye]
        if silent:
            self.place.changes.notes.append(
                f"{', '.join(silent)}: came along, but did not confirm the end: the old key goes there by itself, "
                "at the latest with the next run"
            )

    def _answer(self, pending: list[str]) -> dict[str, Any]:
        rows = [
            {
                "name": one.name,
                "state": "moved" if one.ready else "pending",
                "rtt_ms": round(one.rtt * 1000, 1) if one.ready else None,
                "took_ms": round(one.took * 1000) if one.took is not None else None,
            }
            for one in self.peers.values()
        ]
        return {"public_key": self.new, "previous_public_key": self.old, "pending": pending, "peers": rows}


def _draft(path: str, secret: Secret) -> str:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(f"{secret.reveal()}\n")
    return path
