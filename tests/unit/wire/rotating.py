"""Hosts that rotate a key in one process: a clock that only the world moves, sessions as WireGuard keeps them, kills.

Every part of a rotation is a thread, and one of them runs at a time. Whenever it waits (a datagram, a pause, a command)
the world gives the word to the one that is due next, and sets the clock to its time. Nothing takes real time, and
nothing depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.rotation_course import Told
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import parse
from tunnel_host import READS, TunnelHost

LATENCY, COMMAND = 0.01, 0.004
# WireGuard begins a handshake with a peer again after 5 s at the earliest.
REKEY_TIMEOUT = 5.0
EPOCH = 1_800_000_000


class Killed(BaseException):
    """The process was killed: nothing that follows is done."""


@dataclass
class Part:
    """One thread. wake: when it goes on. inbox: datagrams that arrived for it."""

    name: str
    wake: float = 0.0
    inbox: list[tuple[str, Told]] = field(default_factory=list)
    waiting: bool = False
    ended: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass
class World:
    """Hosts by name, with their addresses, and what goes between them."""

    now: float = 1000.0
    hosts: dict[str, TunnelHost] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    # {(sender's key, receiver's key)}: sessions that were ever opened, each way.
    sessions: set[tuple[str, str]] = field(default_factory=set)
    flying: list[tuple[float, str, str, str, Told]] = field(default_factory=list)
    # Hosts cut off from all others, and until when.
    cut: dict[str, float] = field(default_factory=dict)
    # The n-th step of a host's part is its last.
    kills: dict[str, int] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    at_kill: Callable[[str], None] | None = None
    # Seconds that a command takes longer.
    slow: dict[str, float] = field(default_factory=dict)
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _running: str = ""
    _said: set[tuple[str, str, str]] = field(default_factory=set)

    # -- time, as the code under test sees it

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return EPOCH + self.now

    def sleep(self, seconds: float) -> None:
        part = self.parts.get(self._running)
        if part is None:
            self.now += seconds
        else:
            self._yield(part, self.now + seconds, False)

    # -- the threads

    def play(self, work: Mapping[str, Callable[[], Any]], late: Mapping[str, float] | None = None) -> dict[str, Part]:
        """Run every part to its end. late: seconds after which a part begins."""
        self.parts = {name: Part(name, self.now + (late or {}).get(name, 0.0)) for name in work}
        threads = [threading.Thread(target=self._thread, args=(name, call), daemon=True) for name, call in work.items()]
        for one in threads:
            one.start()
        while True:
            left = [one for one in self.parts.values() if not one.ended]
            if not left:
                break
            self._deliver(min(one.wake for one in left))
            due = min(left, key=lambda one: (one.wake, one.name))
            self.now = max(self.now, due.wake)
            with self._turn:
                self._running = due.name
                keys.DIRECTORY = str(self.hosts[due.name].conf.parent)
                self._turn.notify_all()
                assert self._turn.wait_for(lambda: self._running == "", timeout=20), f"{due.name} hangs"
        self.parts, found = {}, self.parts
        return found

    def _thread(self, name: str, call: Callable[[], Any]) -> None:
        part = self.parts[name]
        with self._turn:
            self._turn.wait_for(lambda: self._running == name)
        try:
            part.result = call()
        except Killed:
            if self.at_kill:
                self.at_kill(name)
        except BaseException as error:
            part.error = error
        with self._turn:
            part.ended = True
            self._running = ""
            self._turn.notify_all()

    def _yield(self, part: Part, wake: float, waiting: bool) -> None:
        with self._turn:
            part.wake, part.waiting = wake, waiting
            self._running = ""
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._running == part.name)
            part.waiting = False

    def _deliver(self, until: float) -> None:
        """What arrives first wakes its receiver."""
        while self.flying and min(self.flying)[0] <= until:
            first = min(self.flying)
            self.flying.remove(first)
            at, sender, key, receiver, told = first
            part = self.parts.get(receiver)
            if part is None or part.ended or not self._accepts(sender, key, receiver, at):
                continue
            part.inbox.append((self.addresses[sender], told))
            if part.waiting and part.wake > at:
                part.wake = at
                until = min(until, at)

    # -- datagrams

    def send(self, sender: str, where: str, told: Told) -> None:
        """A datagram into the tunnel. The first of its kind is a step."""
        if (sender, where, told.word) not in self._said:
            self._said.add((sender, where, told.word))
            self.step(sender)
        receiver = next(name for name, text in self.addresses.items() if text == where)
        key = self.hosts[sender].kernel.key if self.hosts[sender].kernel else ""  # type: ignore[union-attr]
        if self._open(sender, receiver):
            to = self._owner(sender, receiver)
            # A sender whose key changed has no session to send by, but its old one is still heard.
            self.flying.append((self.now + LATENCY, sender, f"{key}>{to}", receiver, told))

    def receive(self, name: str, wait: float) -> tuple[str, Told] | None:
        """The next datagram for a part, or None after `wait` seconds."""
        part = self.parts[name]
        if not part.inbox:
            self._yield(part, self.now + wait, True)
        return part.inbox.pop(0) if part.inbox else None

    def _owner(self, one: str, other: str) -> str:
        kernel = self.hosts[one].kernel
        return kernel.owner(f"{self.addresses[other]}/32") if kernel else ""

    def _cut(self, *names: str) -> bool:
        return any(self.now < self.cut.get(name, 0.0) for name in names)

    def _open(self, one: str, other: str) -> bool:
        """Whether `one` has a session to send by, or gets one now: one attempt in 5 s for each entry."""
        here, there = self.hosts[one].kernel, self.hosts[other].kernel
        to = self._owner(one, other)
        if here is None or not to:
            return False
        if (here.key, to) in self.sessions:
            return True
        entry = here.peers[to]
        if self.now - entry.get("tried", -REKEY_TIMEOUT) < REKEY_TIMEOUT:
            return False
        entry["tried"] = self.now
        if there is None or there.key != to or here.key not in there.peers or self._cut(one, other):
            return False
        if there.peers[here.key]["psk"] != entry["psk"]:
            return False
        self.sessions |= {(here.key, to), (to, here.key)}
        for host, peer in ((self.hosts[one], to), (self.hosts[other], here.key)):
            assert host.handshakes is not None
            host.handshakes[peer] = int(self.time())
        return True

    def _accepts(self, sender: str, way: str, receiver: str, _at: float) -> bool:
        key, to = way.split(">")
        kernel = self.hosts[receiver].kernel
        if kernel is None or self._cut(sender, receiver):
            return False
        # By a session with a key that the receiver had, or has; and from the peer that the address belongs to.
        return to in self.own_keys(receiver) and self._owner(receiver, sender) == key

    def own_keys(self, name: str) -> set[str]:
        """The key that runs, and those before it, whose sessions are still heard."""
        kernel = self.hosts[name].kernel
        return {*({kernel.key} if kernel else set()), *getattr(self.hosts[name], "were", set())}

    def works(self, one: str, other: str) -> bool:
        """Whether a packet gets through, each way, after enough time for a handshake from either side."""
        self.now += 6
        self._open(one, other)
        self._open(other, one)
        ends = ((one, other), (other, one))
        return all(
            self._open(here, there)
            and self._accepts(here, f"{self._key(here)}>{self._owner(here, there)}", there, self.now)
            and self._owner(here, there) == self._key(there)
            for here, there in ends
        )

    def _key(self, name: str) -> str:
        kernel = self.hosts[name].kernel
        return kernel.key if kernel else ""

    def ping(self, name: str, targets: Sequence[str]) -> dict[str, float]:
        """In place of the probe, from that host."""
        names = {text: other for other, text in self.addresses.items()}
        return {text: 1.0 for text in targets if self.works(name, names[text])}

    # -- steps, and kills after them

    def step(self, name: str) -> None:
        """One more step of a host's part; its last one if it is to be killed there."""
        self.steps[name] = self.steps.get(name, 0) + 1
        if self.kills.get(name) == self.steps[name]:
            raise Killed

    def done(self) -> None:
        """A file operation of the part that runs."""
        if self._running:
            self.step(self._running)

    def reboot(self, name: str) -> None:
        """The host comes up with its file, and without sessions."""
        host = self.hosts[name]
        own = self._key(name)
        host.kernel = host._up()
        host.handshakes = {}
        self.sessions = {pair for pair in self.sessions if own not in pair and host.kernel.key not in pair}
        host.were = set()  # type: ignore[attr-defined]


class Module:
    """What the code asks of AnsibleModule."""

    check_mode, _diff = False, True

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.params: dict[str, Any] = {}

    def run_command(self, args: Sequence[str], **options: Any) -> tuple[int, str, str]:
        """On the simulated host; a command that changes something is a step."""
        host = self.world.hosts[self.name]
        self.world.sleep(COMMAND + self.world.slow.get(self.name, 0.0) * ("private-key" in args))
        changes = not any(tuple(args[: len(read)]) == read for read in READS)
        if changes and "private-key" in args and host.kernel:
            host.were = {host.kernel.key, *getattr(host, "were", set())}  # type: ignore[attr-defined]
        answer = host.run_command(self, args, **options)
        if changes:
            self.world.step(self.name)
        return answer

    def fail_json(self, msg: str, **_: Any) -> Any:
        raise AssertionError(msg)

    def set_fs_attributes_if_different(self, _file: dict[str, Any], changed: bool) -> bool:
        return changed


@dataclass
class Link:
    """In place of the socket."""

    world: World
    name: str

    def send(self, where: str, told: Told) -> None:
        self.world.send(self.name, where, told)

    def receive(self, wait: float) -> tuple[str, Told] | None:
        return self.world.receive(self.name, wait)


def count_files(world: World, patch: Any) -> None:
    """Every rename and removal of a file is a step."""
    for word in ("replace", "unlink"):
        real = getattr(keys.os, word)

        def counted(*args: Any, _real: Any = real, **options: Any) -> Any:
            answer = _real(*args, **options)
            world.done()
            return answer

        patch.setattr(keys.os, word, counted)


def machine(place: Path) -> TunnelHost:
    """A host without tunnel, with an empty directory for its keys."""
    place.mkdir(mode=0o700)
    found = TunnelHost(place / "wg0.conf", place / "wg0.key", EPOCH)
    found.handshakes = {}
    return found


def filed_key(host: TunnelHost) -> str:
    """The public key that the file would start the interface with."""
    return keys.shown(parse(host.conf.read_text()).private_key)
