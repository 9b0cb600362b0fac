"""Give back every packet of the tun interface `late` after some milliseconds: `python3 delayer.py 20`.

There is no netem in every kernel. Runs inside a gateway, with nothing but the standard library.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# Packets that wait at most: 20 ms of 1 Gbit/s. More are dropped, as in any queue.
LIMIT = 2000


def run(delay: float) -> None:
    """Forever."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"late", IFF_TUN | IFF_NO_PI))
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([tun], [], [], left)[0]:
            packet = os.read(tun, 65_536)
            if len(waiting) < LIMIT:
                waiting.append((time.monotonic() + delay, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(tun, waiting.popleft()[1])


if __name__ == "__main__":
    run(float(sys.argv[1]) / 1000)
