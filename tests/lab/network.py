"""A lab's networks: `plain` with a default route, `cluster` without, and sites. Subnets are picked, addresses fixed."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .docker import LABEL, DockerError, docker
from .docker import networks as docker_networks
from .errors import LabError
from .paths import lock

# Far from what home networks, VPNs and Docker's own pools use.
RANGE = ipaddress.ip_network("10.213.0.0/16")
FIRST_HOST = 10
FIRST_GATEWAY = 2


@dataclass(frozen=True)
class Networks:
    """The subnets of a lab, as text (they go into the state file). No cluster: empty."""

    plain: str
    cluster: str = ""
    sites: dict[str, str] = field(default_factory=dict)

    def kinds(self) -> dict[str, str]:
        """{kind of network: subnet}."""
        found = {"plain": self.plain, "cluster": self.cluster}
        found |= {site_kind(site): subnet for site, subnet in self.sites.items()}
        return {kind: subnet for kind, subnet in found.items() if subnet}


def site_kind(site: str) -> str:
    """The kind of network that a site is."""
    return f"site-{site}"


def gateway(subnet: str) -> str:
    """The address of this machine in a subnet."""
    return str(ipaddress.ip_network(subnet)[1])


def router(subnet: str) -> str:
    """The address of a site's gateway in the site's subnet: the default route of its hosts."""
    return str(ipaddress.ip_network(subnet)[2])


def inner(subnet: str) -> str:
    """The gateway's first address there. Docker keeps the router's for itself, so the gateway takes that on its own."""
    return str(ipaddress.ip_network(subnet)[3])


def address(subnet: str, position: int) -> str:
    """The address of the n-th host."""
    return str(ipaddress.ip_network(subnet)[FIRST_HOST + position])


def position(address: str) -> int:
    """The number of the host that has this address."""
    return int(address.rsplit(".", 1)[1]) - FIRST_HOST


def outer(subnet: str, number: int) -> str:
    """The address of the n-th site's gateway in the plain network."""
    return str(ipaddress.ip_network(subnet)[FIRST_GATEWAY + number])


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
    options = ["--internal"] if kind == "cluster" else []
    if kind.startswith(site_kind("")):
        # Docker's own way to make another container the default route; the bridge still reaches all hosts.
        options = ["--aux-address", f"DefaultGatewayIPv4={router(subnet)}"]
    pool = ["--subnet", subnet, "--gateway", gateway(subnet)]
    docker("network", "create", "--label", f"{LABEL}={lab}", *options, *pool, name(lab, kind))


def create(lab: str, cluster: bool = True, sites: Sequence[str] = ()) -> Networks:
    """Make all; another program may take a subnet between our look and our call, so try again."""
    lost: list[str] = []
    for _attempt in range(5):
        with lock("networks"):
            subnets = free_subnets([*taken(), *lost], 1 + cluster + len(sites))
            rest = iter(subnets[1:])
            made = Networks(subnets[0], next(rest) if cluster else "", {site: next(rest) for site in sites})
            try:
                for kind, subnet in made.kinds().items():
                    _create(lab, kind, subnet)
            except DockerError as problem:
                remove(lab)
                if "overlaps" not in problem.reason:
                    raise
                lost += subnets
                continue
        return made
    raise LabError(
        "docker refused five choices of subnets as overlapping; look at `docker network ls` and remove what is not used"
    )


def remove(lab: str) -> None:
    """Remove the lab's networks."""
    identifiers = [network["Id"] for network in docker_networks(lab)]
    if identifiers:
        docker("network", "rm", *identifiers)
