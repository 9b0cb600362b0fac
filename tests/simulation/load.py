"""The largest load that processes can carry, so that "70 % CPU" means the same for every layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import inf

from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import capacity
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.profile import Profile

from .model import Host, Process

TYPICAL_THREADS = 5  # what a job costs depends a little on the threads beside it; demand counts it as with five


def largest_scale(hosts: Mapping[str, Host], processes: Sequence[Process], profile: Profile) -> float:
    """The factor on the profile's rates at which some set of queues needs all that its processes and their hosts have.

    Whatever set of queues is looked at, its work must fit the processes that serve one of them; the tightest set
    decides (the smallest cut between queues, processes and hosts). Slow servers take threads, not cores: not counted.
    """
    queues = sorted({name for process in processes for name in process.names if name in profile.queues})
    costs = {name: capacity.cpu_ms(profile.queues[name], TYPICAL_THREADS) / 1000 for name in queues}
    able = [
        (
            process.host,
            {name: _cores(name, process, hosts[process.host], profile, costs[name]) for name in process.names},
        )
        for process in processes
    ]
    found = inf
    for size in range(1, len(queues) + 1):
        for chosen in combinations(queues, size):
            need = sum(profile.queues[name].rate * costs[name] for name in chosen)
            have = dict.fromkeys(hosts, 0.0)
            for host, cores in able:
                have[host] += max((cores[name] for name in chosen if name in cores), default=0.0)
            found = min(found, sum(min(host.cores, have[name]) for name, host in hosts.items()) / need)
    return found


def _cores(queue: str, process: Process, host: Host, profile: Profile, cost: float) -> float:
    """What the process can spend on this queue if it does nothing else."""
    distance = capacity.Distance(host.rtt_db_ms, host.rtt_redis_ms)
    return (
        capacity.unit(queue, profile.queues[queue], process.threads, distance, process.breaker_pool).per_second * cost
    )
