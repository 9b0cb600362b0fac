"""A worker host for the module sidekiq_worker: systemd and Sidekiq processes that live in a Redis of the test."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_redis import FakeRedis

Answer = tuple[int, str, str]
QUEUES = ["default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"]


def entry(hostname: str, pid: int, tag: str, queues: Sequence[str], **more: Any) -> dict[str, str]:
    """A heartbeat hash as Sidekiq 8.1 writes it."""
    info = {
        "hostname": hostname,
        "started_at": more.get("started", time.time()),
        "pid": pid,
        "tag": tag,
        "concurrency": 5,
        "capsules": {"default": {"concurrency": 5, "mode": "weighted", "weights": dict.fromkeys(queues, 1)}},
        "queues": list(queues),
        "version": "8.1.6",
    }
    return {
        "info": json.dumps(info),
        "concurrency": "5",
        "busy": str(more.get("busy", 0)),
        "beat": str(more.get("beat", time.time())),
        "quiet": str(more.get("quiet", False)).lower(),
        "rtt_us": "400",
    }


def job(jid: str, name: str = "ActivityPub::DeliveryWorker", queue: str = "push", began: float = 0.0) -> str:
    """One entry of `<identity>:work`."""
    payload = json.dumps({"class": name, "args": [1], "jid": jid, "queue": queue})
    return json.dumps({"queue": queue, "payload": payload, "run_at": int(began or time.time())})


@dataclass
class Service:
    """One unit."""

    exists: bool = True
    active: str = "inactive"
    enabled: bool = False
    masked: bool = False
    pid: int = 0
    result: str = "success"
    stop: str = "1min 20s"
    since: float = 0.0


@dataclass
class WorkerHost:
    """etc: directory of the instances' files. beats: whether a started process registers."""

    redis: FakeRedis
    etc: Path
    worker: str = "pi"
    units: dict[str, Service] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    hostname: str = field(default_factory=socket.gethostname)
    registers: bool = True
    takes_jobs: bool = True
    fails_jobs: bool = False
    kills: bool = False
    pushes_back: bool = True
    broken: str = ""
    next_pid: int = 811
    synchronised: str = "yes"

    def __post_init__(self) -> None:
        self.redis.pushed = self._take

    def add(self, name: str, queues: Sequence[str], *, probe: bool = True, **unit: Any) -> None:
        """An instance as the role sidekiq_workers leaves it."""
        listed = [f"-q {queue},1" for queue in queues] + ([f"-q probe_{self.worker}_{name},1"] if probe else [])
        text = f'RAILS_ENV=production\nSIDEKIQ_ARGUMENTS="-c 5 -t 60 -g {name}@v1 {" ".join(listed)}"\n'
        (self.etc / f"sidekiq-{name}.env").write_text(text)
        self.units[name] = Service(**unit)

    def identity(self, name: str) -> str:
        return f"{self.hostname}:{self.units[name].pid}:0123456789ab"

    def queues(self, name: str) -> list[str]:
        words = (self.etc / f"sidekiq-{name}.env").read_text().split('"')[1].split()
        return [value.split(",")[0] for option, value in zip(words, words[1:]) if option == "-q"]

    def boot(self, name: str) -> None:
        """Start a unit and its process."""
        self.next_pid += 1
        unit = self.units[name]
        unit.active, unit.pid, unit.since, unit.result = "active", self.next_pid, time.monotonic(), "success"
        if self.registers:
            self.beat(name)

    def beat(self, name: str, **more: Any) -> None:
        """Its next heartbeat."""
        unit = self.units[name]
        self.redis.data.setdefault("processes", set()).add(self.identity(name))
        self.redis.data[self.identity(name)] = entry(self.hostname, unit.pid, f"{name}@v1", self.queues(name), **more)

    def work(self, name: str, *entries: str) -> None:
        """Jobs in hand."""
        self.redis.data[f"{self.identity(name)}:work"] = {f"t{number}": text for number, text in enumerate(entries)}
        self.beat(name, busy=len(entries), quiet=self.redis.data[self.identity(name)]["quiet"] == "true")

    def stranger(self, identity: str, queues: Sequence[str], **more: Any) -> None:
        """A process of another host."""
        hostname, pid, _nonce = identity.split(":")
        self.redis.data.setdefault("processes", set()).add(identity)
        self.redis.data[identity] = entry(hostname, int(pid), more.pop("tag", "main@v1"), queues, **more)

    def _take(self, queue: str, payload: str) -> None:
        for name, unit in self.units.items():
            if unit.pid and self.takes_jobs and queue in self.queues(name):
                self.redis.data[f"queue:{queue}"].remove(payload)
                if self.fails_jobs:
                    failed = {**json.loads(payload), "error_class": "NameError", "error_message": "no such class"}
                    self.redis.data.setdefault("dead", []).append(json.dumps(failed))

    def run_command(self, _module: Any, args: Sequence[str], **_options: Any) -> Answer:
        """In place of AnsibleModule.run_command."""
        argv = tuple(args)
        if argv[0] == "journalctl":
            return 0, "the end of the journal\n", ""
        if argv[0] == "timedatectl":
            return 0, f"{self.synchronised}\n", ""
        assert argv[0] == "systemctl", argv
        if argv[1] == "show":
            return 0, "\n".join(self._show(unit) for unit in argv[3:]), ""
        self.calls.append(argv[1:])
        if self.broken and argv[1] == self.broken:
            return 1, "", f"Job for {argv[-1]} failed."
        for unit in (word for word in argv[2:] if word.endswith(".service")):
            self._change(argv, unit.split("@")[1].removesuffix(".service"))
        return 0, "", ""

    def _show(self, unit: str) -> str:
        service = self.units.get(unit.split("@")[1].removesuffix(".service"), Service(exists=False))
        load = "masked" if service.masked else "loaded" if service.exists else "not-found"
        return (
            f"Id={unit}\nLoadState={load}\nActiveState={service.active}\nMainPID={service.pid}\n"
            f"UnitFileState={'enabled' if service.enabled else 'disabled'}\nResult={service.result}\n"
            f"TimeoutStopUSec={service.stop}\nExecMainStartTimestampMonotonic={int(service.since * 1e6)}\n"
            "ExecStart={ path=/usr/bin/env ; argv[]=/usr/bin/env bundle exec sidekiq $SIDEKIQ_ARGUMENTS ; pid=0 }\n"
        )

    def _change(self, argv: tuple[str, ...], name: str) -> None:
        unit, verb = self.units[name], argv[1]
        if verb in ("enable", "disable"):
            unit.enabled = verb == "enable"
        elif verb in ("mask", "unmask"):
            assert "--runtime" in argv
            unit.masked = verb == "mask"
        elif verb == "kill":
            assert argv[2:4] == ("--signal=TSTP", "--kill-whom=main")
            busy = len(self.redis.data.get(f"{self.identity(name)}:work", {}))
            self.beat(name, quiet=True, busy=busy, beat=time.time() + 0.01)
        elif verb == "stop":
            self._stop(name)
        elif verb == "restart":
            self._stop(name)
            self.boot(name)
        elif verb == "start" and not unit.pid:
            self.boot(name)

    def _stop(self, name: str) -> None:
        unit = self.units[name]
        if not unit.pid:
            return
        held = self.redis.data.pop(f"{self.identity(name)}:work", {})
        if self.kills:
            unit.result = "timeout"
        else:
            for text in held.values() if self.pushes_back else ():
                state = json.loads(text)
                self.redis.data.setdefault(f"queue:{state['queue']}", []).append(state["payload"])
            self.redis.data.get("processes", set()).discard(self.identity(name))
        unit.active, unit.pid = ("failed" if self.kills else "inactive"), 0
