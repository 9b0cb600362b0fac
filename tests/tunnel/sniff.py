"""Watch an interface: `sniff.py INTERFACE MARKER` counts packets until SIGTERM and prints one JSON line.

It says which flows there were and how many packets had the marker in clear. Copied to hosts: nothing but the
standard library.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import signal
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 0x0003, 263, 6, 33
BUFFER = 64 << 20
KINDS = {1: "icmp", 6: "tcp", 17: "udp"}


class Stop(Exception):
    """The wish to end."""


def _stop(*_given: object) -> None:
    raise Stop


def flow(packet: bytes) -> tuple[str, str, str, int, int] | None:
    """(kind, from, to, port, port) of an IPv4 packet; of a fragment but the first, ports 0. None for anything else."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    kind, start = packet[9], (packet[0] & 15) * 4
    ports = (0, 0)
    first = not int.from_bytes(packet[6:8], "big") & 0x1FFF
    if kind in (6, 17) and first and len(packet) >= start + 4:
        ports = struct.unpack_from("!HH", packet, start)
    one, other = (str(ipaddress.ip_address(packet[at : at + 4])) for at in (12, 16))
    return (KINDS.get(kind, str(kind)), one, other, *ports)


def watch(interface: str, marker: bytes) -> dict[str, object]:
    """Until SIGTERM."""
    flows: set[tuple[str, str, str, int, int]] = set()
    packets = marked = 0
    # Cooked, so that every packet begins with its IP header, on a tunnel too.
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        tap.bind((interface, ETH_P_ALL))
        with contextlib.suppress(Stop):
            while True:
                packet = tap.recv(1 << 17)
                packets += 1
                marked += marker in packet
                found = flow(packet)
                if found:
                    flows.add(found)
        _seen, dropped = struct.unpack("=II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    return {"packets": packets, "dropped": dropped, "marked": marked, "flows": sorted(flows)}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    print(json.dumps(watch(sys.argv[1], sys.argv[2].encode())))
