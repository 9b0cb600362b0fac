# GPL-3.0-or-later (see LICENSE)
"""The host's side: transient units, the pooler of the benchmark, the delay."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import pooler
from .dotenv import parse

HERE = Path("/opt/bench")
SLICE = "bench.slice"
CURRENT = "/opt/mastodon/current"
PREFIXES = {"": 26379, "SIDEKIQ_": 26380, "CACHE_": 26381}  # where each logical Redis answers when it is far away
DATABASE, POOLER, INBOX = 25432, 26432, 28090
READY_SECONDS = 120.0
# In the log of a process: what it could not reach.
CONNECTION = re.compile(
    r"ConnectionTimeoutError|ConnectionNotEstablished|ConnectionBad|too many clients|CannotConnect|ConnectionError|"
    r"ReadTimeout|no more connections allowed|query_wait_timeout|Timeout::Error"
)


def run(*command: str, stdin: str = "", check: bool = True) -> str:
    """Output of a command; a failure carries what it said."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=180)
    if check and done.returncode:
        raise RuntimeError(
            f"{' '.join(command[:4])} … ended with {done.returncode}: {(done.stderr or done.stdout)[-800:]}"
        )
    return done.stdout


def application() -> dict[str, str]:
    """The application's settings as deployed."""
    return parse(Path("/opt/mastodon/shared/.env.production").read_text())


def installed(package: str) -> str:
    """The upstream version of a Debian package."""
    return run("dpkg-query", "-W", "-f", "${Version}", package).rpartition(":")[2].split("-")[0].split("+")[0]


def silence() -> None:
    """Stop what would take part: the collection's workers, and web processes whose timers only cost."""
    run(
        "systemctl",
        "stop",
        "mastodon-sidekiq@*.service",
        "mastodon-web@*.socket",
        "mastodon-web@*.service",
        "mastodon-streaming@*.service",
    )


def world(script: str) -> str:
    """Run a Ruby script inside the application; its last line."""
    return run("/usr/local/bin/mastodon-run", "bin/rails", "runner", "-", stdin=script).strip().splitlines()[-1]


def bound(cores: int, memory_mb: int) -> None:
    """The slice in which all configurations run."""
    text = f"[Slice]\nCPUQuota={cores * 100}%\nMemoryMax={memory_mb}M\n"
    Path(f"/run/systemd/system/{SLICE}").write_text(text)
    run("systemctl", "daemon-reload")


def start(
    name: str, command: Sequence[str], properties: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> None:
    """Start a transient unit and do not wait until it is ready."""
    file = HERE / f"{name}.env"
    # systemd's syntax; nothing of ours needs more than plain quotes.
    file.write_text("".join(f'{key}="{value}"\n' for key, value in (environment or {}).items()))
    options = [f"--property={key}={value}" for key, value in {**properties, "EnvironmentFile": str(file)}.items()]
    run("systemctl", "reset-failed", f"{name}.service", check=False)
    run("systemd-run", "--quiet", "--no-block", f"--unit={name}", *options, "--", *command)


def stop(pattern: str, kill: bool = False) -> None:
    """Stop units by pattern; at once where nothing is to be kept."""
    if kill:
        run("systemctl", "kill", "--signal=KILL", pattern, check=False)
    run("systemctl", "stop", pattern, check=False)


def place(rtt_ms: float, pool: int, answer_ms: float, slow_share: float) -> None:
    """Set the distance: delay, pooler and inbox anew. 0 ms: no proxy between anything."""
    stop("bench-net.service", kill=True)
    stop("bench-pooler.service", kill=True)
    settings, deployed = application(), Path("/etc/pgbouncer/pgbouncer.ini").read_text()
    server = pooler.server_of(deployed)
    call = [
        f"{HERE}/delay",
        f"-inbox={INBOX}",
        f"-answer={answer_ms}ms",
        f"-slow-share={slow_share}",
        f"-rtt={rtt_ms}ms",
    ]
    if rtt_ms:
        call.append(f"-pair={DATABASE}={server[0]}:{server[1]}")
        call += [
            f"-pair={port}={settings[f'{prefix}REDIS_HOST']}:{settings[f'{prefix}REDIS_PORT']}"
            for prefix, port in PREFIXES.items()
            if f"{prefix}REDIS_HOST" in settings
        ]
        server = ("127.0.0.1", DATABASE)
    start("bench-net", call, {"LimitNOFILE": "65536"})
    ini = HERE / "pgbouncer.ini"
    ini.write_text(pooler.ini(deployed, server, pool, POOLER))
    start("bench-pooler", ["/usr/sbin/pgbouncer", str(ini)], {"User": "postgres", "LimitNOFILE": "65536"})
    time.sleep(0.5)
    for unit in ("bench-net", "bench-pooler"):
        if run("systemctl", "is-active", unit, check=False).strip() != "active":
            raise RuntimeError(f"{unit} does not run: {run('journalctl', '-n', '5', '-o', 'cat', '-u', unit)}")


def environment(process: Mapping[str, Any], rtt_ms: float) -> dict[str, str]:
    """A worker's environment: what the collection's unit has, with this process's size and distance."""
    unit = next(iter(sorted(Path("/etc/mastodon").glob("sidekiq-*.env"))))
    deployed = parse(unit.read_text())
    found = {key: value for key, value in deployed.items() if key not in ("SIDEKIQ_ARGUMENTS", "MASTODON_BREAKER_POOL")}
    found |= {"DB_POOL": str(process["db_pool"]), "ALLOWED_PRIVATE_ADDRESSES": "127.0.0.0/8"}
    found |= {"DB_HOST": "127.0.0.1", "DB_PORT": str(POOLER)}
    if process["breaker_pool"]:
        found["MASTODON_BREAKER_POOL"] = "true"
    if rtt_ms:
        settings = application()
        for prefix, port in PREFIXES.items():
            if f"{prefix}REDIS_HOST" in settings:
                found |= {f"{prefix}REDIS_HOST": "127.0.0.1", f"{prefix}REDIS_PORT": str(port)}
    return found


def sidekiq(processes: Sequence[Mapping[str, Any]], rtt_ms: float, cores: int) -> list[int]:
    """Start them all, wait until each says that it is ready; their process IDs."""
    properties = {
        "Type": "notify",
        "User": "mastodon",
        "Group": "mastodon",
        "WorkingDirectory": CURRENT,
        "KillMode": "mixed",
        "TimeoutStartSec": str(int(READY_SECONDS)),
        "TimeoutStopSec": "15",
        "LimitNOFILE": "65536",
        "Slice": SLICE,
        "CPUAffinity": f"0-{cores - 1}",
    }
    path = parse(Path("/etc/mastodon/path.env").read_text())
    names = [f"bench-sidekiq-{number}" for number in range(len(processes))]
    for name, process in zip(names, processes):
        queues = [
            word
            for queue, weight in process["queues"]
            for word in ("-q", queue if weight is None else f"{queue},{weight}")
        ]
        command = ["/usr/bin/env", "bundle", "exec", "sidekiq", "-c", str(process["threads"]), "-t", "1", *queues]
        start(name, command, properties, {**path, **environment(process, rtt_ms)})
    deadline = time.monotonic() + READY_SECONDS
    waiting = set(names)
    while waiting:
        states = run("systemctl", "is-active", *sorted(waiting), check=False).split()
        for name, state in zip(sorted(waiting), states):
            if state == "active":
                waiting.discard(name)
            elif state == "failed" or time.monotonic() > deadline:
                log = run("journalctl", "-n", "20", "-o", "cat", "-u", name)
                raise RuntimeError(f"{name} is {state} and not ready: {log[-800:]}")
        time.sleep(0.1)
    return [int(run("systemctl", "show", "--value", "-p", "MainPID", name)) for name in names]


def complaints(since: float) -> int:
    """Lines in the workers' journal, since that second, that speak of a lost or refused connection."""
    log = run("journalctl", "--no-pager", "-o", "cat", f"--since=@{since:.0f}", "-u", "bench-sidekiq-*")
    return sum(1 for line in log.splitlines() if CONNECTION.search(line))
