"""Streams between hosts of a lab while something is done to them, and large transfers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testinfra.host import Host

SCRIPT = (Path(__file__).parent / "stream.py").read_text()
RATE = 500
FIRST_PORT = 9100
# Packets that wait while a tunnel's process waits for a core: other scenarios run on the same two. A tunnel that loses
# its key or its route loses them all the same.
QUEUE = 10_000
# Seconds: a session that has to be made anew is silent for 5, an interface that was restarted for 15.
LONGEST_GAP = 4
UNIT = "tunnel-stream"


@dataclass
class Streams:
    """What became of every stream: {(from, to, kind): figures}. Empty until all have ended.

    How often TCP sent again is told and not judged: it does so whenever an answer is late, and on busy cores it is.
    benchmarks/tunnel.py judges it, alone on the machine.
    """

    figures: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    @property
    def lost(self) -> dict[tuple[str, str, str], str]:
        """Streams that lost something, or were silent for too long."""
        return {
            key: f"{one['lost']} lost, silent for {one['gap_ms']} ms"
            for key, one in self.figures.items()
            if one["lost"] or one["gap_ms"] > 1000 * LONGEST_GAP
        }

    def __str__(self) -> str:
        return "; ".join(
            f"{one} to {other} {kind}: {told['lost']} of {told['sent']} lost, {told.get('retransmits', 0)} sent again,"
            f" longest gap {told['gap_ms']} ms"
            for (one, other, kind), told in self.figures.items()
        )


def _start(host: Host, number: int, what: str, *arguments: object) -> None:
    unit = f"{UNIT}-{number}-{what}"
    told = " ".join(map(str, arguments))
    host.run(f"systemctl stop {unit}; systemctl reset-failed {unit}")
    host.check_output(
        f"systemd-run --quiet --unit={unit} -p StandardOutput=truncate:/run/{unit}.json"
        f" python3 /run/{UNIT}.py {what} {told}"
    )


def _ended(host: Host, number: int, what: str, patience: float = 70) -> dict[str, Any]:
    unit, deadline = f"{UNIT}-{number}-{what}", time.monotonic() + patience
    while host.check_output(f"systemctl show -P ActiveState {unit}") in ("active", "deactivating"):
        assert time.monotonic() < deadline, f"{unit} does not end"
        time.sleep(0.2)
    text = host.check_output(f"cat /run/{unit}.json")
    assert text, f"{unit} said nothing: " + host.run(f"journalctl -u {unit} --no-pager -n 20").stdout
    found: dict[str, Any] = json.loads(text)
    return found


@contextmanager
def streams(
    hosts: dict[str, Host], addresses: dict[str, str], pairs: list[tuple[str, str]], interface: str = "wg0"
) -> Iterator[Streams]:
    """500 packets a second of UDP each way and 500 of TCP one way, for every pair, while the block runs."""
    for name in {name for pair in pairs for name in pair}:
        hosts[name].check_output(f"cat > /run/{UNIT}.py <<'EOF'\n{SCRIPT}\nEOF")
        hosts[name].check_output(f"ip link set dev {interface} txqueuelen {QUEUE}")
    ways = [way for one, other in pairs for way in ((one, other, "udp"), (other, one, "udp"), (one, other, "tcp"))]
    for number, (_one, other, kind) in enumerate(ways):
        _start(hosts[other], number, "receive", kind, addresses[other], FIRST_PORT + number)
    time.sleep(1)  # until they listen
    for number, (one, other, kind) in enumerate(ways):
        _start(hosts[one], number, "send", kind, addresses[other], FIRST_PORT + number, RATE)
    time.sleep(2)
    found = Streams()
    try:
        yield found
        time.sleep(2)
    finally:
        for number, (one, _other, _kind) in enumerate(ways):
            hosts[one].check_output(f"systemctl kill --kill-whom=main -s TERM {UNIT}-{number}-send")
    for number, (one, other, kind) in enumerate(ways):
        sent = _ended(hosts[one], number, "send")
        assert sent["sent"] > RATE, f"the stream from {one} to {other} hardly ran: {sent}"
        found.figures[one, other, kind] = {**sent, **_ended(hosts[other], number, "receive")}


SERVE = """
import hashlib, socket, sys
digest, count = hashlib.sha256(), 0
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    server.settimeout(60)
    stream = server.accept()[0]
stream.settimeout(30)
while data := stream.recv(1 << 20):
    digest.update(data)
    count += len(data)
print(count, digest.hexdigest())
"""
SEND = """
import hashlib, os, socket, sys
digest, block = hashlib.sha256(), os.urandom(1 << 20)
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as stream:
    stream.settimeout(30)
    for _ in range(int(sys.argv[3])):
        stream.sendall(block)
        digest.update(block)
print(int(sys.argv[3]) << 20, digest.hexdigest())
"""


def transfer(source: Host, target: Host, address: str, megabytes: int) -> float:
    """Send so many MB to the target's address; seconds. Fails when they do not arrive as they were."""
    port, unit = FIRST_PORT - 1, f"{UNIT}-transfer"
    target.run(f"systemctl stop {unit}; systemctl reset-failed {unit}")
    target.check_output(f"cat > /run/{UNIT}-serve.py <<'EOF'\n{SERVE}\nEOF")
    source.check_output(f"cat > /run/{UNIT}-send.py <<'EOF'\n{SEND}\nEOF")
    target.check_output(
        f"systemd-run --quiet --unit={unit} -p StandardOutput=truncate:/run/{unit}.txt"
        f" python3 /run/{UNIT}-serve.py {address} {port}"
    )
    time.sleep(1)
    begun = time.monotonic()
    sent = source.check_output(f"timeout 120 python3 /run/{UNIT}-send.py {address} {port} {megabytes}")
    taken = time.monotonic() - begun
    while target.check_output(f"systemctl show -P ActiveState {unit}") == "active":
        assert time.monotonic() < begun + 150, f"{unit} does not end"
        time.sleep(0.2)
    assert target.check_output(f"cat /run/{unit}.txt") == sent
    return taken
