"""The line of the Raspberry Pi is dead for 30 s while it delivers. It comes back by itself, and says what that cost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.hosts import fault, redis
from tests.e2e.outside import wait
from tests.journey import ledger, load
from tests.journey.far import Far, without_workers
from tests.journey.run import fine

PORT, DELIVERIES, CUT, RETURN = 8090, 30, 30, 90


class Holding(ThreadingHTTPServer):
    """An inbox that takes deliveries and does not answer."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, PORT), Handler)
        self.held = 0
        self.over = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Counts, and waits for the end."""

    server: Holding

    def do_POST(self) -> None:
        """A delivery."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.held += 1
        self.server.over.wait(120)

    def log_message(self, *_given: object) -> None:
        """Quiet."""


@pytest.fixture
def holding(far: Far) -> Iterator[Holding]:
    """On this machine's address in the lab."""
    with Holding(far.cluster.gateway) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def kept(far: Far) -> set[str]:
    """Ids of all jobs that Redis still has: waiting, to be tried again, in hand or dead."""
    script = "redis zrange retry 0 -1; redis zrange dead 0 -1; redis lrange queue:push 0 -1"
    return {json.loads(line)["jid"] for line in redis(far.cluster, script).splitlines() if line.startswith("{")}


def test_it_comes_back_by_itself_and_tells_what_is_lost(
    far: Far, lab: str, holding: Holding, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with without_workers(far.cluster, "cloud"):
        about = load.world(far.cluster)
        inbox = f"http://{far.cluster.gateway}:{PORT}/inbox"
        jobs = load.fill(far.cluster, {"push": DELIVERIES}, about, inbox)
        wait(lambda: holding.held >= DELIVERIES, "the deliveries", 30)
        fault(lab, "cut", "friend")
        try:
            time.sleep(CUT)
        finally:
            fault(lab, "mend", "friend")
        mended = time.monotonic()
        probe = ledger.push(far.cluster, [({"queue": "push"}, 20), ({"queue": "default"}, 20)])
        wait(lambda: len(ledger.finished(far.cluster, probe)) == len(probe), "jobs on the Pi", RETURN)
        tell(f"pi takes jobs {time.monotonic() - mended:.1f} s after its line is back")
        # What the deliveries in hand came to is settled once no thread of the Pi has one any more.
        wait(lambda: busy(far) == 0, "the end of what was in hand", RETURN)
        lost = set(jobs) - kept(far)
    told = tmp_path / "status.json"
    done = fine("status", status_file=str(told))
    (row,) = [one for one in json.loads(told.read_text())["hosts"] if one["name"] == "pi"]
    tell(f"of {len(jobs)} deliveries in hand {len(lost)} were lost; status says {row['jobs_lost']}")
    assert row["jobs_lost"] == len(lost) > 0
    assert f"pi: {len(lost)} jobs were lost within 24 h" in " ".join(done.text.split()), done.text
    load.forget(far.cluster)


def busy(far: Far) -> int:
    """Threads of the Pi that have a job, as its processes last said."""
    script = "for one in $(redis smembers processes); do case $one in pi:*) redis hget $one busy;; esac; done"
    return sum(map(int, redis(far.cluster, script).split()))
