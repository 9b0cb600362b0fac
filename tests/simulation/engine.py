"""Discrete-event simulation of Sidekiq processes on hosts (sizing 4.3 and its appendix; real-mastodon 1 and 6).

A process runs one slice at a time, in the order in which its threads asked (the interpreter's lock). Processes with a
slice to run share their host's cores equally. A host's clock of work `v` advances at min(1, cores / running processes):
a slice that starts at v ends at v + its length, whatever comes and goes meanwhile.

Left out: an idle thread gets a new job at once (in truth after Redis has answered), the circuit breaker never opens
(dead servers cost more threads here than there), failed deliveries do not come back.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from math import inf

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import SWITCH_MS

from .model import HANDOFF_MS, Host, Job, Process, QueueResult, Result

# Processor time that a command costs more, and the time nobody runs, by the number of threads that want to run.
COMPETING = tuple(0.0 if n < 2 else (n - 1) / (n - 1 / 3) * SWITCH_MS / 1000 for n in range(1024))
JobOf = Callable[[str, Host, Process], Job]


@dataclass
class Load:
    """What arrives. rates: jobs per second, Poisson. backlog: jobs that wait from the beginning.

    slices_vary: each slice's processor time is exponential around its mean, else all are equal. jobs_vary: jobs of one
    queue differ (processor time as the sum of two exponentials, waits for other servers exponential), else they are of
    one kind, as in a measurement.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    backlog: Mapping[str, int] = field(default_factory=dict)
    slow_share: float = 0.0
    slow_s: float = 10.0
    slices_vary: bool = True
    jobs_vary: bool = True


class _Host:
    __slots__ = ("busy", "cores", "last", "next", "rate", "running", "v")

    def __init__(self, cores: float) -> None:
        self.cores = cores
        self.running: list[tuple[float, int, _Process]] = []
        self.v = self.last = self.busy = 0.0
        self.rate = 1.0
        self.next = inf

    def advance(self, now: float) -> None:
        self.v += (now - self.last) * self.rate
        self.last = now

    def settle(self) -> None:
        count = len(self.running)
        self.rate = 1.0 if count <= self.cores else self.cores / count
        self.next = self.last + (self.running[0][0] - self.v) / self.rate if count else inf


class _Process:
    __slots__ = ("free", "host", "jobs", "lock_queue", "locked", "order", "slices", "total", "weights")

    def __init__(self, host: _Host, process: Process, queues: Mapping[str, _Queue], jobs: Mapping[str, Job]) -> None:
        self.host = host
        self.free = process.threads
        self.slices: deque[tuple[_Running, float, float]] = deque()
        self.locked = False
        self.lock_queue: deque[_Running] = deque()
        self.order = [queues[name] for name in process.names]
        strict = all(weight is None for _, weight in process.queues)
        self.weights = None if strict else {name: weight or 1 for name, weight in process.queues}
        self.jobs = {queues[name]: jobs[name] for name in process.names}


class _Queue:
    __slots__ = ("arrived", "done", "early", "half", "jobs", "name", "rate", "servers", "since", "starved", "waits")

    def __init__(self, name: str, rate: float, backlog: int) -> None:
        self.name, self.rate = name, rate
        self.jobs: deque[float] = deque([0.0] * backlog)
        self.arrived = backlog
        self.done = self.early = self.half = 0
        self.since = self.starved = 0.0
        self.waits: list[float] = []
        self.servers: list[_Process] = []


class _Running:
    __slots__ = ("index", "process", "queue", "remote", "scale", "stages")

    def __init__(self, process: _Process, queue: _Queue, job: Job) -> None:
        self.process, self.queue, self.stages = process, queue, job.stages
        self.index = 0
        self.scale = 1.0
        self.remote = job.remote


class Simulation:
    """One run; `run` may be called once."""

    def __init__(
        self, hosts: Mapping[str, Host], processes: Sequence[Process], job_of: JobOf, load: Load, seed: int = 1
    ) -> None:
        self.random = random.Random(seed)
        self.load = load
        self.now = 0.0
        self.number = 0
        self.events: list[tuple[float, int, _Running | _Queue]] = []
        self.hosts = {name: _Host(host.cores) for name, host in hosts.items()}
        served = {name for process in processes for name in process.names}
        names = sorted(served | set(load.rates) | set(load.backlog))
        self.queues = {name: _Queue(name, load.rates.get(name, 0.0), load.backlog.get(name, 0)) for name in names}
        self.processes = []
        for process in processes:
            jobs = {name: job_of(name, hosts[process.host], process) for name in process.names}
            made = _Process(self.hosts[process.host], process, self.queues, jobs)
            self.processes.append(made)
            for queue in made.order:
                queue.servers.append(made)

    def run(self, seconds: float, warm_s: float = 0.0) -> Result:
        """Simulate so many seconds; `rate` of the results leaves the first warm_s out."""
        for queue in self.queues.values():
            if queue.rate:
                self._push(self.random.expovariate(queue.rate), queue)
        for process in self.processes:
            while process.free and self._fetch(process):
                pass
        self._until(warm_s)
        for queue in self.queues.values():
            queue.early = queue.done
        self._until(max(seconds / 2, warm_s))
        for queue in self.queues.values():
            queue.half = len(queue.jobs)
        self._until(seconds)
        return Result(
            {name: _result(queue, seconds, warm_s) for name, queue in self.queues.items()},
            {name: host.busy / host.cores / seconds for name, host in self.hosts.items()},
        )

    def _until(self, end: float) -> None:
        hosts = list(self.hosts.values())
        events = self.events
        while True:
            first = hosts[0]
            for host in hosts:
                if host.next < first.next:
                    first = host
            if events and events[0][0] <= first.next:
                if events[0][0] > end:
                    return
                self.now, _, thing = heappop(events)
                if isinstance(thing, _Running):
                    self._waited(thing)
                else:
                    self._arrive(thing)
            else:
                if first.next > end:
                    return
                self.now = first.next
                self._ran(first)

    def _push(self, when: float, thing: _Running | _Queue) -> None:
        self.number += 1
        heappush(self.events, (when, self.number, thing))

    def _arrive(self, queue: _Queue) -> None:
        now = self.now
        self._push(now + self.random.expovariate(queue.rate), queue)
        if not queue.jobs:
            queue.since = now
        queue.jobs.append(now)
        queue.arrived += 1
        free = [process for process in queue.servers if process.free]
        if free:
            self._fetch(free[int(self.random.random() * len(free))])

    def _fetch(self, process: _Process) -> bool:
        """A free thread takes a job, if there is one."""
        queue = self._choose(process)
        if queue is None:
            return False
        now = self.now
        queue.waits.append(now - queue.jobs.popleft())
        if now - queue.since > queue.starved:
            queue.starved = now - queue.since
        queue.since = now
        process.free -= 1
        job = process.jobs[queue]
        running = _Running(process, queue, job)
        chance, load = self.random, self.load
        if load.jobs_vary:
            running.scale = 0.5 * (chance.expovariate(1) + chance.expovariate(1))
            running.remote *= chance.expovariate(1)
        if job.slow and load.slow_share and chance.random() < load.slow_share:
            running.remote = load.slow_s
        self._want(running)
        return True

    def _choose(self, process: _Process) -> _Queue | None:
        """The queue that a fetch finds: in strict order, or one of the non-empty ones in proportion to their weights.

        The latter is what shuffling a bag of names and taking the first non-empty one gives.
        """
        if process.weights is None:
            for queue in process.order:
                if queue.jobs:
                    return queue
            return None
        ready = [queue for queue in process.order if queue.jobs]
        if len(ready) < 2:
            return ready[0] if ready else None
        weights = [process.weights[queue.name] for queue in ready]
        return self.random.choices(ready, weights)[0]

    def _want(self, running: _Running) -> None:
        """A thread wants to run its next slice."""
        process = running.process
        slices = process.slices
        stage = running.stages[running.index]
        waiting = len(slices)
        cpu = stage.cpu * running.scale
        if self.load.slices_vary:
            cpu *= self.random.expovariate(1)
        length = cpu
        if waiting and stage.commands:
            cpu += stage.commands * COMPETING[waiting + 1]
            length = cpu + stage.commands * HANDOFF_MS / 1000
        slices.append((running, cpu, length))
        if not waiting:
            host = process.host
            host.advance(self.now)
            self.number += 1
            heappush(host.running, (host.v + length, self.number, process))
            host.settle()

    def _ran(self, host: _Host) -> None:
        """The slice that ends first on this host has ended."""
        host.advance(self.now)
        process = host.running[0][2]
        running, cpu, _ = process.slices.popleft()
        host.busy += cpu
        if process.slices:
            self.number += 1
            heapreplace(host.running, (host.v + process.slices[0][2], self.number, process))
        else:
            heappop(host.running)
        host.settle()
        stage = running.stages[running.index]
        if stage.lock:
            if process.locked:
                process.lock_queue.append(running)
                return
            process.locked = True
        wait = stage.wait + running.remote if stage.remote else stage.wait
        self._push(self.now + wait, running)

    def _waited(self, running: _Running) -> None:
        process = running.process
        stage = running.stages[running.index]
        if stage.lock:
            if process.lock_queue:
                following = process.lock_queue.popleft()
                self._push(self.now + following.stages[following.index].wait, following)
            else:
                process.locked = False
        running.index += 1
        if running.index < len(running.stages):
            self._want(running)
            return
        running.queue.done += 1
        process.free += 1
        self._fetch(process)


def _result(queue: _Queue, seconds: float, warm_s: float) -> QueueResult:
    waits = sorted([*queue.waits, *(seconds - arrived for arrived in queue.jobs)])
    starved = max(queue.starved, seconds - queue.since) if queue.jobs else queue.starved
    return QueueResult(
        wait_p50=_share(waits, 0.50),
        wait_p95=_share(waits, 0.95),
        wait_max=_share(waits, 1.0),
        arrived=queue.arrived,
        done=queue.done,
        left=len(queue.jobs),
        starved=starved,
        left_half=queue.half,
        rate=(queue.done - queue.early) / (seconds - warm_s),
    )


def _share(values: Sequence[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0
