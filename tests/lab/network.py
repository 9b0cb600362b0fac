"""Two networks per lab: `plain` with a default route, `cluster` without. Subnets are picked, addresses fixed."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from .docker import LABEL, DockerError, docker
from .docker import networks as docker_networks
from .errors import LabError
from .paths import lock

# Far from what home networks, VPNs and Docker's own pools use.
RANGE = ipaddress.ip_network("10.213.0.0/16")
FIRST_HOST = 10


@dataclass(frozen=True)
class Networks:
    """The subnets of a lab, as text (they go into the state file)."""

    plain: str
    cluster: str


def gateway(subnet: str) -> str:
    """The address of this machine in a subnet."""
    return str(ipaddress.ip_network(subnet)[1])


def address(subnet: str, position: int) -> str:
    """The address of the n-th host."""
    return str(ipaddress.ip_network(subnet)[FIRST_HOST + position])


def free_subnets(taken: Iterable[str], count: int = 2) -> list[str]:
    """The first subnets of the lab's range that overlap with nothing taken."""
    used = [ipaddress.ip_network(text, strict=False) for text in taken]
    found = []
    for candidate in RANGE.subnets(new_prefix=24):
        if not any(candidate.version == other.version and candidate.overlaps(other) for other in used):
            found.append(str(candidate))
            if len(found) == count:
                return found
    raise LabError(f"no free subnet is left in {RANGE}; stop a lab with `python3 -m tests.lab down NAME`")


def taken() -> list[str]:
    """Subnets in use: this machine's routes (a default route is none) and every docker network."""
    routes = json.loads(subprocess.run(["ip", "-4", "-json", "route"], capture_output=True, check=True).stdout or b"[]")
    found = [route["dst"] for route in routes if route["dst"] != "default"]
    for name in docker("network", "ls", "--quiet").split():
        try:
            details = json.loads(docker("network", "inspect", name))[0]
        except DockerError:
            continue  # removed meanwhile
        found += [pool["Subnet"] for pool in details["IPAM"]["Config"] or [] if "Subnet" in pool]
    return found


def name(lab: str, kind: str) -> str:
    """The docker name of a lab's network."""
    return f"{lab}-{kind}"


def _create(lab: str, kind: str, subnet: str) -> None:
    internal = ["--internal"] if kind == "cluster" else []
    pool = ["--subnet", subnet, "--gateway", gateway(subnet)]
    docker("network", "create", "--label", f"{LABEL}={lab}", *internal, *pool, name(lab, kind))


def create(lab: str) -> Networks:
    """Make both networks; another program may take a subnet between our look and our call, so try again."""
    lost: list[str] = []
    for _attempt in range(5):
        with lock("networks"):
            plain, cluster = free_subnets([*taken(), *lost])
            try:
                _create(lab, "plain", plain)
                _create(lab, "cluster", cluster)
            except DockerError as problem:
                remove(lab)
                if "overlaps" not in problem.reason:
                    raise
                lost += [plain, cluster]
                continue
        return Networks(plain, cluster)
    raise LabError(
        "docker refused five pairs of subnets as overlapping; look at `docker network ls` and remove what is not used"
    )


def remove(lab: str) -> None:
    """Remove the lab's networks."""
    identifiers = [network["Id"] for network in docker_networks(lab)]
    if identifiers:
        docker("network", "rm", *identifiers)
