"""Sites: networks behind NAT. Each has a gateway, a container that forwards; its rules are in `gateway.sh`."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from pathlib import Path

from . import network
from .docker import LABEL, SITE_LABEL, DockerError, docker, inspect
from .errors import LabError
from .request import Site
from .state import State

PACKAGES = ("conntrack", "nftables")
HERE = Path(__file__).resolve().parent
SCRIPT = (HERE / "gateway.sh").read_text()
DELAYER = (HERE / "delayer.py").read_text()
PRINT = "org.fediverse-mastodon.recipe"
START_SECONDS = 30
CUT = "add table inet cut; add chain inet cut line { type filter hook forward priority -10; policy drop; }"


def container(lab: str, site: str) -> str:
    """The docker name of a gateway; no host can be called so."""
    return f"{lab}-{site}_gateway"


def environment(state: State, site: Site) -> dict[str, str]:
    """What the gateway's script is told."""
    subnet, plain = state.networks.sites[site.name], state.networks.plain
    length = ipaddress.ip_network(subnet).prefixlen
    return {
        "SITE": subnet,
        "PLAIN": plain,
        "INNER": network.inner(subnet),
        "OUTER": network.outer(plain, list(state.networks.sites).index(site.name)),
        "ROUTER": f"{network.router(subnet)}/{length}",
        "UPSTREAM": network.gateway(plain),
        "MTU": str(site.mtu or ""),
        "FRAGMENTS": "pass" if site.fragments else "drop",
        "DELAY": str(site.delay_ms),
    }


def create_arguments(state: State, site: Site, image: str) -> list[str]:
    """The `docker create` call."""
    told = environment(state, site)
    sysctls = {
        "net.ipv4.ip_forward": 1,
        "net.netfilter.nf_conntrack_udp_timeout": site.mapping_s,
        "net.netfilter.nf_conntrack_udp_timeout_stream": site.mapping_s,
    }
    call = ["create", f"--name={container(state.name, site.name)}", f"--hostname=gateway-{site.name}"]
    call += [f"--label={LABEL}={state.name}", f"--label={SITE_LABEL}={site.name}"]
    call += ["--cap-add=NET_ADMIN", "--device=/dev/net/tun", "--restart=no", "--stop-signal=SIGKILL"]
    call += [f"--network={network.name(state.name, 'plain')}", f"--ip={told['OUTER']}"]
    call += [f"--sysctl={key}={value}" for key, value in sysctls.items()]
    call += [f"--env={key}={value}" for key, value in {**told, "DELAYER": DELAYER}.items()]
    call = [*call, image, "sh", "-c", SCRIPT]
    return [call[0], f"--label={PRINT}={fingerprint(call)}", *call[1:]]


def fingerprint(call: list[str]) -> str:
    """Equal arguments, equal gateway."""
    return hashlib.sha256(json.dumps(call).encode()).hexdigest()[:16]


def ensure(state: State, wanted: tuple[Site, ...], image: str) -> list[str]:
    """Every site's gateway runs as wanted; those that had to be made are named."""
    made = []
    for site in wanted:
        call = create_arguments(state, site, image)
        if not _runs(state, site, call):
            _create(state, site, call)
            made.append(site.name)
    for site in wanted:
        _wait(container(state.name, site.name))
    return made


def _runs(state: State, site: Site, call: list[str]) -> bool:
    try:
        seen = inspect("container", [container(state.name, site.name)])[0]
    except DockerError as problem:
        if "No such container" in problem.reason:
            return False
        raise
    return bool(seen["State"]["Running"]) and f"--label={PRINT}={seen['Config']['Labels'].get(PRINT)}" in call


def _create(state: State, site: Site, call: list[str]) -> None:
    name = container(state.name, site.name)
    _remove(name)
    docker(*call)
    kind = network.site_kind(site.name)
    inner = network.inner(state.networks.sites[site.name])
    docker("network", "connect", f"--ip={inner}", network.name(state.name, kind), name)
    docker("start", name)


def _remove(name: str) -> None:
    try:
        docker("rm", "--force", "--volumes", name)
    except DockerError as problem:
        if "No such container" not in problem.reason:
            raise


def _wait(name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            docker("exec", name, "test", "-e", "/run/site-ready")
            return
        except DockerError as problem:
            if "is not running" in problem.reason or time.monotonic() > deadline:
                raise LabError(f"the gateway {name} does not come up; see `docker logs {name}`") from None
        time.sleep(0.2)


def forget(state: State, site: str) -> None:
    """The gateway forgets every mapping; what it translates next has another port."""
    docker("exec", container(state.name, site), "conntrack", "-F")


def cut(state: State, site: str) -> None:
    """The site's line is dead: nothing is forwarded. Ansible still reaches the hosts."""
    docker("exec", container(state.name, site), "nft", CUT)


def mend(state: State, site: str) -> None:
    """The line works again."""
    docker(
        "exec",
        container(state.name, site),
        "sh",
        "-c",
        "! nft list table inet cut >/dev/null 2>&1 || nft delete table inet cut",
    )


FAULTS = {"forget": forget, "cut": cut, "mend": mend}
