"""The containers of a lab: create, start, wait until they are hosts, break and mend."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import network
from .docker import HOST_LABEL, LABEL, DockerError, docker, inspect
from .errors import LabError
from .progress import say
from .request import Host
from .state import Placed, State

# systemd as PID 1 without --privileged, which machines without CAP_SYS_RESOURCE refuse. SYS_PTRACE: without it a unit
# with both PrivateUsers= and ProtectProc=invisible fails with status 217, Debian's own Redis for one.
FLAGS = [
    *("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE"),
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--device=/dev/net/tun"),
    *("--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs=/run", "--tmpfs=/run/lock"),
    *("--stop-signal=SIGRTMIN+3", "--restart=no"),
]
PARALLEL = 8
BOOT_SECONDS = 120
SSH_SECONDS = 20
GONE = ("No such container", "is not connected", "already exists in network", "is not paused", "is not running")


def each(names: Iterable[str], action: Callable[[str], Any]) -> None:
    """Do it to all of them at once; the first failure is raised after all have ended."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        futures = [pool.submit(action, name) for name in names]
    for future in futures:
        future.result()


def container(lab: str, host: str) -> str:
    """The docker name of a host."""
    return f"{lab}-{host}"


def home(placed: Placed) -> str:
    """The kind of the network with a host's default route."""
    return network.site_kind(placed.site) if placed.site else "plain"


def fingerprint(host: Host, image: str) -> str:
    """What makes a host another host: changed limits, ports or image."""
    site = [host.site] if host.site else []
    told = json.dumps([host.name, host.memory, host.cpus, host.publish, image, FLAGS, *site])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def create_arguments(lab: str, host: Host, placed: Placed, image: str) -> list[str]:
    """The `docker create` call."""
    call = ["create", f"--name={container(lab, host.name)}", f"--hostname={host.name}"]
    call += [f"--label={LABEL}={lab}", f"--label={HOST_LABEL}={host.name}", *FLAGS]
    call += [f"--network={network.name(lab, home(placed))}", f"--ip={placed.plain}"]
    if host.memory:
        call += [f"--memory={host.memory}", f"--memory-swap={host.memory}"]
    if host.cpus:
        call += [f"--cpus={host.cpus}"]
    call += [f"--publish=127.0.0.1:{outer}:{inner}" for outer, inner in host.publish]
    return [*call, image]


def _injected(files: dict[str, tuple[str, int, int]]) -> bytes:
    """A tar of files (content, mode, owner) for `docker cp`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (content, mode, owner) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = (
                len(content.encode()),
                mode,
                owner,
                owner,
                int(time.time()),
            )
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def create(state: State, host: Host, image: str, apt_proxy: str) -> None:
    """Create a host, give it its key and apt its proxy, start it."""
    placed = state.hosts[host.name]
    name = container(state.name, host.name)
    files = {"home/debian/.ssh/authorized_keys": (state.key.with_suffix(".pub").read_text(), 0o600, 1000)}
    if apt_proxy:
        files["etc/apt/apt.conf.d/21lab-proxy"] = (f'Acquire::http::Proxy "{apt_proxy}";\n', 0o644, 0)
    docker(*create_arguments(state.name, host, placed, image))
    docker("cp", "-", f"{name}:/", stdin=_injected(files))
    if placed.cluster:
        docker("network", "connect", f"--ip={placed.cluster}", network.name(state.name, "cluster"), name)
    start(name)


def start(name: str) -> None:
    """Start a container; a port that somebody else has is the usual reason why it does not."""
    try:
        docker("start", name)
    except DockerError as problem:
        if "port is already allocated" in problem.reason or "address already in use" in problem.reason:
            raise LabError(
                f"{name} cannot publish its port: {problem.reason}; stop what listens there or publish another port"
            ) from None
        raise


def _banner(address: str, deadline: float) -> bool:
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=2) as stream:
                stream.settimeout(5)
                if stream.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


def wait(state: State, host: str) -> None:
    """Until systemd has booted and sshd answers; units that failed are named."""
    name, deadline = container(state.name, host), time.monotonic() + BOOT_SECONDS
    booted = ""
    while booted not in ("running", "degraded"):
        if time.monotonic() > deadline:
            raise LabError(
                f"{host} has not booted within {BOOT_SECONDS} s (systemd: '{booted}'); "
                f"see `python3 -m tests.lab logs {state.name}`"
            )
        call = ["docker", "exec", name, "systemctl", "is-system-running", "--wait"]
        try:
            done = subprocess.run(call, capture_output=True, text=True, timeout=BOOT_SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            continue
        booted = ((done.stdout.strip() or done.stderr.strip()).splitlines() or [""])[-1]
        if "is not running" in booted:
            raise LabError(f"{host} stopped while booting; see `docker logs {name}`")
        if booted not in ("running", "degraded"):
            time.sleep(0.2)
    if booted == "degraded":
        failed = docker(
            "exec", name, "systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"
        )
        say(f"{host}: degraded, failed: {', '.join(line.split()[0] for line in failed.splitlines() if line)}")
    if not _banner(state.hosts[host].plain, time.monotonic() + SSH_SECONDS):
        raise LabError(
            f"{host} has booted but its sshd does not answer at {state.hosts[host].plain}; "
            f"see `python3 -m tests.lab logs {state.name}`"
        )


def _tolerate(*call: str) -> None:
    """A docker command whose wanted effect may be there already."""
    try:
        docker(*call)
    except DockerError as problem:
        if not any(text in problem.reason for text in GONE):
            raise


def details(lab: str, host: str) -> dict[str, Any] | None:
    """docker's view of a host; None when it has no container."""
    try:
        return inspect("container", [container(lab, host)])[0]
    except DockerError as problem:
        if "No such container" in problem.reason:
            return None
        raise


def kill(state: State, host: str) -> None:
    """As if the power failed."""
    docker("kill", "--signal=KILL", container(state.name, host))


def pause(state: State, host: str) -> None:
    """Stop the clock of every process."""
    docker("pause", container(state.name, host))


def resume(state: State, host: str) -> None:
    """Let a paused host run on."""
    docker("unpause", container(state.name, host))


def cut(state: State, host: str) -> None:
    """Off the cluster's network; Ansible still reaches the host."""
    if not state.hosts[host].cluster:
        raise LabError(f"{host} is on no cluster network that it could be cut from; a whole site can be cut")
    docker("network", "disconnect", network.name(state.name, "cluster"), container(state.name, host))


def mend(state: State, host: str) -> None:
    """Undo whatever was broken: unpause, put back on the cluster's network, start."""
    name, seen = container(state.name, host), details(state.name, host)
    if seen is None:
        raise LabError(f"{host} has no container any more; `python3 -m tests.lab up {state.name} …` makes it anew")
    if seen["State"]["Paused"]:
        _tolerate("unpause", name)
    cluster = state.hosts[host].cluster
    if cluster and network.name(state.name, "cluster") not in seen["NetworkSettings"]["Networks"]:
        _tolerate("network", "connect", f"--ip={cluster}", network.name(state.name, "cluster"), name)
    if not seen["State"]["Running"]:
        start(name)
    wait(state, host)


def reboot(state: State, host: str) -> None:
    """systemd shuts down and starts again; returns when sshd answers."""
    docker("restart", "--time=60", container(state.name, host))
    wait(state, host)


FAULTS = {"kill": kill, "pause": pause, "resume": resume, "cut": cut, "mend": mend, "reboot": reboot}


def remove(names: list[str]) -> None:
    """Remove containers with everything they wrote; at once, because docker takes them one after the other."""
    each(names, lambda name: docker("rm", "--force", "--volumes", name))
