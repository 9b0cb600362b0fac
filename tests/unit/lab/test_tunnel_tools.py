"""What the tunnel's scenarios look with: runs read back, packets taken apart, streams that count."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tunnel import sniff, stream
from tests.tunnel.mesh import Run, pruned, results
from tests.tunnel.traffic import Streams

OUTPUT = """
PLAY [Run the tunnels] *********************************************************

TASK [fediverse.mastodon.wireguard : Refuse what does not fit] *****************
ok: [main] => {"actions": ["peer db: added"], "backend": "userspace", "changed": false, "peers": []}

TASK [fediverse.mastodon.wireguard : Run the tunnel] ***************************
changed: [main] => {"actions": ["peer db: added"], "backend": "userspace", "changed": true, "peers": []}
ok: [db] => {"actions": [], "backend": "userspace", "changed": false, "peers": []}

TASK [fediverse.mastodon.wireguard : Peers | Change the links] ***
changed: [db -> home1(10.0.3)] => (item=home1) => {"actions": ["x"], "backend": "kernel", "item": "home1", "peers": []}
fatal: [main]: FAILED! => {"changed": false, "msg": "no"}
[WARNING]: something

PLAY RECAP *********************************************************************
main                       : ok=3    changed=1    unreachable=0    failed=1
db                         : ok=3    changed=0    unreachable=0    failed=0
"""


def test_a_run_is_read_back() -> None:
    done = Run(0, OUTPUT, 1.0, list(results(OUTPUT)))
    assert done.actions == {"main": ["peer db: added"], "home1": ["x"]}
    assert done.changed == {"main": 1, "db": 0}
    assert [(one.task.split(" : ")[1].split(" |")[0], one.status) for one in done.results] == [
        ("Refuse what does not fit", "ok"),
        ("Run the tunnel", "changed"),
        ("Run the tunnel", "ok"),
        ("Peers", "changed"),
        ("Peers", "fatal"),
    ]


def packet(kind: int, offset: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, offset, 64, kind, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    return head + struct.pack("!HHHH", 51820, 9, 8, 0)


def test_a_packet_is_taken_apart() -> None:
    assert sniff.flow(packet(17)) == ("udp", "10.0.0.1", "10.0.0.2", 51820, 9)
    assert sniff.flow(packet(17, offset=5)) == ("udp", "10.0.0.1", "10.0.0.2", 0, 0)
    assert sniff.flow(packet(1)) == ("icmp", "10.0.0.1", "10.0.0.2", 0, 0)
    assert sniff.flow(b"\x60" + bytes(40)) is None
    assert sniff.flow(b"") is None


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_stream_without_loss_counts_none() -> None:
    port, script = free_port(), str(Path(stream.__file__))
    receiver, sender = (
        [sys.executable, script, what, "udp", "127.0.0.1", str(port), *rate]
        for what, rate in (("receive", []), ("send", ["100"]))
    )
    with (
        subprocess.Popen(receiver, stdout=subprocess.PIPE) as hears,
        subprocess.Popen(sender, stdout=subprocess.PIPE) as says,
    ):
        time.sleep(1)
        says.send_signal(signal.SIGTERM)
        sent, heard = (json.loads(one.communicate(timeout=20)[0]) for one in (says, hears))
    # The receiver may have begun to listen after the first packets.
    assert heard["sent"] == sent["sent"] > 20
    assert heard["lost"] < sent["sent"] // 2 and heard["twice"] == 0


def test_a_packet_that_is_missing_is_counted() -> None:
    port, script = free_port(), str(Path(stream.__file__))
    call = [sys.executable, script, "receive", "udp", "127.0.0.1", str(port)]
    with (
        subprocess.Popen(call, stdout=subprocess.PIPE) as hears,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as says,
    ):
        time.sleep(1)
        for number in (0, 1, 3, 3, 4, stream.END + 6):
            says.sendto(struct.pack("!Q", number), ("127.0.0.1", port))
        heard = json.loads(hears.communicate(timeout=20)[0])
    assert (heard["sent"], heard["lost"], heard["twice"]) == (6, 2, 1)


@pytest.mark.parametrize(("lost", "gap", "fine"), [(0, 3999, True), (1, 20, False), (0, 4001, False)])
def test_a_stream_that_lost_something_or_was_silent_is_named(lost: int, gap: int, fine: bool) -> None:
    key = ("a", "b", "udp")
    found = Streams({key: {"sent": 9, "lost": lost, "gap_ms": gap}}).lost
    assert found == ({} if fine else {key: f"{lost} lost, silent for {gap} ms"})


def test_an_inventory_without_a_host_keeps_the_others() -> None:
    whole = {
        "m": {"vars": {"hosts": 1}, "children": {"a": {"hosts": {"x": {"y": 1}, "z": None}}, "b": {"hosts": None}}}
    }
    assert pruned(whole, "x") == {
        "m": {"vars": {"hosts": 1}, "children": {"a": {"hosts": {"z": None}}, "b": {"hosts": None}}}
    }
