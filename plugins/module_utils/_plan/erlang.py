# GPL-3.0-or-later (see LICENSE)
"""How long a job waits for a free thread, and how many threads keep that rare (Erlang C).

Threads count as servers here, which holds while their process is below its share of a core. Times are in seconds.
"""

from __future__ import annotations

import math

HALFIN_WHITT_BETA = 1.65  # about one job in twenty waits


def erlang_c(busy: float, threads: int) -> float:
    """The share of jobs that find no free thread, 0 to 1 (sizing 1.9).

    busy: threads busy on average, arrivals times service time. threads: how many there are.
    1.0 when they cannot keep up. Raises ValueError for busy below 0 or fewer than one thread.
    """
    if not 0 <= busy < math.inf:
        raise ValueError(f"busy threads must be 0 or more, not {busy}")
    if threads < 1:
        raise ValueError(f"threads must be 1 or more, not {threads}")
    if busy >= threads:
        return 1.0
    # Erlang B step by step instead of factorials, which overflow from 171 threads on.
    lost = 1.0
    for servers in range(1, threads + 1):
        lost = busy * lost / (servers + busy * lost)
    load = busy / threads
    return lost / (1 - load * (1 - lost))


def wait_s(busy: float, threads: int, service_s: float) -> float:
    """Mean seconds until a thread takes the job, over all jobs (sizing 1.9). Infinite when the threads cannot keep up.

    busy, threads: as in erlang_c. service_s: seconds a job holds its thread. Raises ValueError as erlang_c does.
    """
    if not 0 <= service_s < math.inf:
        raise ValueError(f"service time must be 0 s or more, not {service_s}")
    waiting = erlang_c(busy, threads)
    return math.inf if busy >= threads else waiting * service_s / (threads - busy)


def staffing(busy: float, most_waiting: float = 0.05) -> int:
    """The fewest threads with which at most this share of the jobs waits, exactly (sizing 1.10 by 1.9).

    busy: threads busy on average. most_waiting: above 0, below 1. Raises ValueError otherwise.
    """
    if not 0 < most_waiting < 1:
        raise ValueError(f"the share that may wait must be between 0 and 1, not {most_waiting}")
    if not 0 <= busy < math.inf:
        raise ValueError(f"busy threads must be 0 or more, not {busy}")
    lost = 1.0
    servers = 0
    while True:  # the loss shrinks with every server, so this ends soon after as many servers as are busy
        servers += 1
        lost = busy * lost / (servers + busy * lost)
        if servers > busy and lost / (1 - busy / servers * (1 - lost)) <= most_waiting:
            return servers


def staffing_estimate(busy: float, beta: float = HALFIN_WHITT_BETA) -> int:
    """The square-root rule for about the same (sizing 1.10): busy + beta x sqrt(busy), rounded up; good from 3 busy on.

    Raises ValueError for busy below 0.
    """
    if not 0 <= busy < math.inf:
        raise ValueError(f"busy threads must be 0 or more, not {busy}")
    return max(1, math.ceil(busy + beta * math.sqrt(busy)))
