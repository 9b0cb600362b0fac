# GPL-3.0-or-later (see LICENSE)
"""What hosts have, as a snippet for an inventory."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._wire.addresses import split_endpoint
from .measure import WORTH_STEAL, differ, worth
from .model import Ports
from .names import APP_GROUPS
from .preflight import first_line

IDLE = 0.2  # a host less busy than that cannot show what others take of it
SERVERS = {"database": ("postgres", "mastodon_db_rtt_ms"), "redis": ("redis", "mastodon_redis_rtt_ms")}
VIRTUAL_DISKS = ("vd", "xvd")


@dataclass(frozen=True)
class Target:
    """Another host whose distance counts. address is empty where the inventory does not say it."""

    host: str
    address: str
    port: int


@dataclass(frozen=True)
class Host:
    """One host's answers. result: of preflight_info; measured: of survey_info, empty where it was not asked."""

    result: Mapping[str, Any]
    reached_at: str = ""
    # The cluster's network is on this interface, where the inventory says so.
    interface: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    facts_cached: bool = False


def targets(
    groups: Mapping[str, Sequence[str]], settings: Mapping[str, Mapping[str, Any]], host: str, *, joining: bool = False
) -> dict[str, Target]:
    """The database and Redis as this host will reach them. Empty for a host that talks to neither, or runs them.

    settings: {host: {mastodon_address, mastodon_ports}} of the hosts in groups postgres and redis. joining: it has no
    tunnel yet, and the way is the one that its tunnel will take; that needs mastodon_network, wireguard_zone,
    wireguard_endpoint and wireguard_lan_endpoint too, also of the host itself.
    """
    found = {}
    for name, (group, _) in SERVERS.items():
        members = groups.get(group) or ()
        if members and members[0] != host and any(host in groups.get(app, ()) for app in APP_GROUPS):
            given = settings.get(members[0], {})
            ports = given.get("mastodon_ports")
            default: int = getattr(Ports(), group)
            port = ports.get(group, default) if isinstance(ports, Mapping) else default
            address = str(given.get("mastodon_address") or "")
            if joining and given.get("mastodon_network") == "wireguard":
                address = _dialled(given, settings.get(host, {})) or address
            found[name] = Target(members[0], address, int(port))
    return found


def _dialled(server: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The host part of where a tunnel to that server goes; empty where it is behind NAT."""
    zone = server.get("wireguard_zone")
    near = server.get("wireguard_lan_endpoint") if zone and zone == own.get("wireguard_zone") else ""
    return split_endpoint(str(near or server.get("wireguard_endpoint") or ""))[0]


def snippet(hosts: Mapping[str, Host], cache_hours: float = 0) -> list[str]:
    """Lines to copy. cache_hours: how long the fact cache keeps what was gathered, 0 where it forgets at once."""
    lines = ["", "# Copy what you want into inventories/<yours>/host_vars/<host>.yml"]
    read = {name: host for name, host in hosts.items() if "report" in host.result}
    for name, host in read.items():
        lines += ["", *_host(name, host)]
    for name, host in hosts.items():
        if name not in read:
            lines += ["", _missing(name, host.result)]
    if cache_hours and read and all(host.facts_cached for host in read.values()):
        lines += [
            "",
            f"# Cores and memory are in the fact cache too{_lasting(cache_hours)}:"
            " playbooks/plan.yml takes them from there until they are copied.",
        ]
    return [*lines, ""]


def _lasting(hours: float) -> str:
    return "" if math.isinf(hours) else f", for {hours:.3g} hours"


def _missing(name: str, result: Mapping[str, Any]) -> str:
    failed = "failure_reason" in result
    reason = result["failure_reason"] if failed else result.get("unreachable_reason", "it was not asked")
    return f"# host_vars/{name}.yml: {'could not be read' if failed else 'cannot be reached'}: {first_line(reason)}"


def _host(name: str, host: Host) -> list[str]:
    report = host.result["report"]
    lines = [f"# host_vars/{name}.yml: {report['os']['name']}"]
    if report["container"]:
        lines.append("# A container sees the memory of the machine that it runs on: declare what it may use.")
    lines += [f"mastodon_cpus: {report['cores']}", f"mastodon_memory_mb: {report['memory_mb']}"]
    if report["architecture"] != "amd64":
        lines.append(f"mastodon_architecture: {report['architecture']}")
    candidates = sorted(report["addresses"].items(), key=lambda item: _rank(item, host))
    if candidates:
        interface, address = candidates[0]
        others = ", ".join(f"{other} on {where}" for where, other in candidates[1:])
        note = f"on {interface}" + (f"; also {others}" if others else "")
        lines.append(f"mastodon_address: {address}  # {note}")
    virtual = bool(report.get("virtual"))
    return [*lines, *_disks(report["disks"], virtual), *_steal(host.measured, virtual), *_round_trips(host)]


def _disks(disks: Sequence[Mapping[str, Any]], virtual: bool) -> list[str]:
    lines = []
    data = next((disk for disk in disks if str(disk["path"]).startswith("/var")), None)
    if data:
        kind, why = _kind(data, virtual)
        lines.append(f"mastodon_disk: {kind}  # under {data['path']}: {why}")
    for mount, disk in {disk["mount"]: disk for disk in disks}.items():
        size = f"{disk['free_mb'] / 1024:.0f} of {disk['size_mb'] / 1024:.0f} GB free"
        lines.append(f"# disk {mount}: {size}")
    return lines


def _kind(disk: Mapping[str, Any], virtual: bool) -> tuple[str, str]:
    """What the plan calls it, and why. A virtual disk often says that it spins, and hardly ever does."""
    device = str(disk.get("device") or "")
    if device.startswith("nvme"):
        return "nvme", device
    if disk["rotational"] is None:
        return "ssd", "assumed, the host does not tell"
    if virtual or device.startswith(VIRTUAL_DISKS):
        return "ssd", f"assumed, {device or 'it'} is virtual"
    return ("hdd", f"{device or 'it'} spins") if disk["rotational"] else ("ssd", device or "it does not spin")


def _steal(measured: Mapping[str, Any], virtual: bool) -> list[str]:
    if not measured:
        return []
    cpu = measured["cpu"]
    stolen, before = _percent(cpu["sample"]), _percent(cpu["since_boot"])
    figures = f"{stolen} of the cores stolen in {measured['sample_s']:g} s, {before} since boot"
    if cpu["steal"] >= WORTH_STEAL:
        return [f"mastodon_cpu_steal: {worth(cpu['steal']):g}  # {figures}"]
    if virtual and cpu["busy"] < IDLE:
        return [
            f"# {figures}; but it was only {_percent(cpu['busy'])} busy, and a host that wants nothing is not robbed:",
            "# survey it again under load, or write mastodon_shared_cpu: true if its vCPUs are shared.",
        ]
    return []


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _round_trips(host: Host) -> list[str]:
    lines = []
    known: dict[str, float] = {}
    for name, target in host.targets.items():
        setting = SERVERS[name][1]
        trip = host.measured.get("round_trips", {}).get(name)
        if not target.address:
            lines.append(f"# {setting}: not measured: {target.host} has no mastodon_address yet")
        elif trip is None:
            lines.append(f"# {setting}: not measured")
        elif trip["ms"] is None:
            lines.append(f"# {setting}: could not be measured: {trip['reason']}")
        else:
            known[name] = trip["ms"]
            where = f"to {target.host}, {trip['address']} port {trip['port']}"
            if name == "redis" and "database" in known and not differ(known["database"], known["redis"]):
                lines.append(f"# {trip['ms']:g} ms {where} (Redis): much the same")
            else:
                lines.append(f"{setting}: {trip['ms']:g}  # {where}")
    return lines


def _rank(item: tuple[str, str], host: Host) -> tuple[bool, bool, bool, bool, str]:
    """The declared interface; else a private address that Ansible does not come in by is most likely the network's."""
    interface, address = item
    bridge = interface.startswith(("docker", "br-", "veth", "virbr"))
    public = not ipaddress.ip_address(address).is_private
    return interface != host.interface, bridge, address == host.reached_at, public, interface
