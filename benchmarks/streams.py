"""Traffic whose losses can be counted: numbered messages by UDP and by TCP, at a fixed rate, with a log of gaps.

`python3 streams.py receive ADDRESS PORT` takes both and prints one line of JSON when it gets SIGTERM.
`python3 streams.py send ADDRESS PORT RATE` sends both until SIGTERM and prints what it sent. Standard library only: it
runs on the hosts themselves.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import struct
import sys
import time

SIZE = 200
# In Linux's struct tcp_info: total retransmits.
TCP_INFO, RETRANSMITS = 11, slice(100, 104)


# SIGTERM came.
stopped: list[int] = []


def receive(address: str, port: int) -> dict[str, object]:
    """Both kinds until SIGTERM: how many came, the highest number, the longest gap between two, and where it was."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    udp.bind((address, port))
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    seen: set[int] = set()
    last: dict[str, float] = {}
    gap: dict[str, float] = {"udp": 0.0, "tcp": 0.0}
    total = 0
    readers: list[socket.socket] = [udp, server]
    while not stopped:
        for one in select.select(readers, [], [], 0.1)[0]:
            now = time.monotonic()
            if one is server:
                readers.append(server.accept()[0])
                continue
            kind = "udp" if one is udp else "tcp"
            data = one.recv(65_535)
            if kind == "udp":
                seen.add(struct.unpack_from("!Q", data)[0])
            elif data:
                total += len(data)
            else:
                readers.remove(one)
            gap[kind] = max(gap[kind], now - last.get(kind, now))
            last[kind] = now
    first, highest = (min(seen), max(seen)) if seen else (0, -1)
    missing = sorted(set(range(first, highest + 1)) - seen)
    return {
        "received": len(seen),
        "first": first,
        "highest": highest,
        "missing": missing,
        "tcp_bytes": total,
        "udp_gap_ms": round(gap["udp"] * 1000, 1),
        "tcp_gap_ms": round(gap["tcp"] * 1000, 1),
    }


def send(address: str, port: int, rate: float) -> dict[str, object]:
    """Both kinds at `rate` messages a second each, until SIGTERM."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.create_connection((address, port), timeout=30)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tcp.setblocking(False)
    number, behind, refused = 0, 0, 0
    begin = time.monotonic()
    while not stopped:
        data = struct.pack("!Qd", number, time.monotonic()).ljust(SIZE, b".")
        try:
            udp.sendto(data, (address, port))
        except OSError:
            refused += 1
        try:
            tcp.send(data)
        except BlockingIOError:
            behind += 1
        number += 1
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
    info = tcp.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104)
    return {
        "sent": number,
        "refused": refused,
        "tcp_behind": behind,
        "tcp_retransmits": struct.unpack("=I", info[RETRANSMITS])[0],
    }


def main() -> int:
    """One end."""
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print(json.dumps(receive(address, port) if what == "receive" else send(address, port, float(sys.argv[4]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
