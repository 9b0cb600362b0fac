"""A steady stream, and what of it arrived. Copied to hosts: nothing but the standard library.

`stream.py send udp ADDRESS PORT RATE` sends numbered packets of 200 bytes until SIGTERM and then says how many there
were; `stream.py receive udp ADDRESS PORT` prints one JSON line when it hears that. With `tcp` the same in a
connection, whose sender prints how often the kernel had to send again.
"""

import contextlib
import json
import signal
import socket
import struct
import sys
import time

SIZE = 200
END = 2**63
TCP_INFO_TOTAL_RETRANS = 100  # offset of tcpi_total_retrans in struct tcp_info, linux/tcp.h
SO_RCVBUFFORCE, BUFFER = 33, 16 << 20
# Seconds without a packet after which the receiver believes that there will be none.
PATIENCE = 60


stopped = False


def _stop(*_given: object) -> None:
    """On SIGTERM: a send under way ends first, so that what it counts is what left."""
    global stopped
    stopped = True


def _paced(rate: float, send) -> int:
    """Call `send(number)` at an even rate until told to stop; the number of calls."""
    number, begun = 0, time.monotonic()
    while not stopped:
        send(number)
        number += 1
        left = begun + number / rate - time.monotonic()
        if left > 0:
            time.sleep(left)
    return number


def send_udp(address: str, port: int, rate: float) -> None:
    """Until SIGTERM."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:

        def send(number: int) -> None:
            # No route and no key yet: a packet that does not leave is a packet lost.
            with contextlib.suppress(OSError):
                stream.sendto(struct.pack("!Q", number).ljust(SIZE, b"x"), (address, port))

        count = _paced(rate, send)
        for _ in range(20):
            with contextlib.suppress(OSError):
                stream.sendto(struct.pack("!Q", END + count).ljust(SIZE, b"x"), (address, port))
            time.sleep(0.1)
    print(json.dumps({"sent": count}))


def receive_udp(address: str, port: int) -> None:
    """Until the sender says how many there were."""
    seen: set[int] = set()
    twice, longest, total, last = 0, 0.0, 0, 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        # What arrives while this process has to wait for a core is not lost.
        with contextlib.suppress(PermissionError):
            stream.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        stream.bind((address, port))
        stream.settimeout(PATIENCE)
        while True:
            try:
                number = struct.unpack("!Q", stream.recv(4096)[:8])[0]
            except TimeoutError:
                total = max(seen, default=-1) + 1
                break
            if number >= END:
                total = number - END
                break
            now = time.monotonic()
            longest = max(longest, now - last) if last else longest
            last = now
            twice += number in seen
            seen.add(number)
    print(json.dumps({"sent": total, "lost": total - len(seen), "twice": twice, "gap_ms": round(longest * 1000)}))


def send_tcp(address: str, port: int, rate: float) -> None:
    """Until SIGTERM."""
    with socket.create_connection((address, port), 10) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.settimeout(PATIENCE)
        count = _paced(rate, lambda number: stream.sendall(struct.pack("!Q", number).ljust(SIZE, b"x")))
        info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        again = struct.unpack_from("=I", info, TCP_INFO_TOTAL_RETRANS)[0]
        stream.sendall(struct.pack("!Q", END + count).ljust(SIZE, b"x"))
    print(json.dumps({"sent": count, "retransmits": again}))


def receive_tcp(address: str, port: int) -> None:
    """Until the sender says how many there were."""
    count, longest, total, last = 0, 0.0, 0, 0.0
    with socket.create_server((address, port)) as server:
        server.settimeout(PATIENCE)
        stream = server.accept()[0]
    with stream, stream.makefile("rb") as lines:
        stream.settimeout(PATIENCE)
        while len(message := lines.read(SIZE)) == SIZE:
            number = struct.unpack("!Q", message[:8])[0]
            if number >= END:
                total = number - END
                break
            now = time.monotonic()
            longest = max(longest, now - last) if last else longest
            last = now
            count += 1
    print(json.dumps({"sent": total, "lost": total - count, "gap_ms": round(longest * 1000)}))


if __name__ == "__main__":
    what, kind, address, port, *rate = sys.argv[1:]
    call = {"send": {"udp": send_udp, "tcp": send_tcp}, "receive": {"udp": receive_udp, "tcp": receive_tcp}}[what][kind]
    # A receiver that is told to stop has not heard the end: it dies of it and says nothing, and that is a failure.
    if what == "send":
        signal.signal(signal.SIGTERM, _stop)
    call(address, int(port), *map(float, rate))
