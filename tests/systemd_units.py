"""What the scenarios of puma, streaming and sidekiq_workers ask of running units."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any

RECORDS = "/var/lib/mastodon-units"


def prop(host: Any, unit: str, name: str) -> str:
    return str(host.check_output("systemctl show -P %s %s", name, unit))


def pid(host: Any, unit: str) -> int:
    return int(prop(host, unit, "MainPID"))


def pids(host: Any, family: str) -> dict[str, int]:
    """Every running service of a family and its main process."""
    listed = host.check_output("systemctl list-units --plain --no-legend --state=active %s", f"{family}@*.service")
    return {line.split()[0]: pid(host, line.split()[0]) for line in listed.splitlines()}


def environment(host: Any, process: int) -> dict[str, str]:
    """What the process itself was started with."""
    lines = host.check_output("tr '\\0' '\\n' < /proc/%s/environ", str(process)).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def python(host: Any, script: str, *arguments: str) -> str:
    """Run a script on the host; the base system has Python and no HTTP client."""
    return str(host.check_output(shlex.join(["python3", "-c", script, *arguments])))


def status(host: Any, url: str) -> int:
    script = (
        "import sys, urllib.request as r, urllib.error as e\n"
        "try: print(r.urlopen(sys.argv[1], timeout=30).status)\n"
        "except e.HTTPError as error: print(error.code)\n"
        "except OSError: print(0)"
    )
    return int(python(host, script, url))


def wait_until(true: Callable[[], Any], seconds: float = 30) -> None:
    """For what has to become true by itself."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.3)


def comes_back_after_kill(host: Any, unit: str, healthy: Callable[[], Any]) -> None:
    before = pid(host, unit)
    host.check_output("kill -9 %s", str(before))
    wait_until(lambda: pid(host, unit) not in (0, before), 60)
    wait_until(healthy, 60)


def cannot_write_release(host: Any, process: int, tmp: bool = True) -> bool:
    """In the process's own mount namespace the code is read-only, and its tmp/ is not (or is, too)."""
    enter = ["nsenter", "-t", str(process), "-m", "--", "sh", "-c"]
    probe = "touch /opt/mastodon/current/{0}/probe && rm /opt/mastodon/current/{0}/probe"
    code = host.run(shlex.join([*enter, probe.format("streaming")]))
    beside = host.run(shlex.join([*enter, probe.format("tmp")]))
    return "Read-only file system" in code.stderr and (beside.rc == 0) == tmp
