# GPL-3.0-or-later (see LICENSE)
"""What a host has now, read with `wg`, `ip` and systemctl; and the steps, run one by one. Nothing is decided here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from .._shell import Refusal, Shell, control, read_text
from .._wire import addresses
from .._wire.model import HostConfig
from .._wire.observed import Live, Route, parse_addresses, parse_dump, parse_link, parse_routes
from .._wire.steps import Step
from .._wire.wgfile import WgFile

SYSCTL = "/proc/sys/net"
RUNNING = ("active", "activating", "reloading")


@dataclass(frozen=True)
class Seen:
    """The host before or after the steps. backend: kernel, userspace (wireguard-go), or empty without interface.

    stale: systemd has not read the unit's files since they changed.
    """

    live: Live
    enabled: bool
    backend: str
    routes: tuple[Route, ...]
    stale: bool = False


def look(shell: Shell, interface: str) -> Seen:
    """Read everything. Refused when the interface is something else than WireGuard."""
    answer = shell.run(["ip", "-j", "-d", "link", "show", "dev", interface], check=False)
    unit = _unit(shell, f"wg-quick@{interface}.service")
    active, enabled = unit.get("ActiveState") in RUNNING, unit.get("UnitFileState") == "enabled"
    stale = unit.get("NeedDaemonReload") == "yes"
    routes = _routes(shell)
    if answer.code != 0:
        return Seen(Live(unit_active=active), enabled, "", routes, stale)
    up, mtu = parse_link(answer.out)
    shown = shell.run(["wg", "show", interface, "dump"], check=False)
    if shown.code != 0:
        raise Refusal(
            f"{interface} exists and is no WireGuard interface, or its wireguard-go is gone ({shown.err.strip()}). "
            "Remove it, or choose another wireguard_interface."
        )
    dump = parse_dump(shown.out)
    live = Live(
        exists=True,
        up=up,
        public_key=dump.public_key,
        port=dump.port,
        mtu=mtu,
        peers=dump.peers,
        addresses=parse_addresses(shell.run(["ip", "-j", "address", "show", "dev", interface]).out),
        routes=routes,
        unit_active=active,
    )
    kind = next((row.get("linkinfo", {}).get("info_kind") for row in json.loads(answer.out) if row), "")
    return Seen(live, enabled, "kernel" if kind == "wireguard" else "userspace", routes, stale)


def runs(shell: Shell, unit: str) -> bool:
    """Whether a unit is active, and will be after a boot."""
    told = _unit(shell, unit)
    return told.get("ActiveState") in RUNNING and told.get("UnitFileState") == "enabled"


def _unit(shell: Shell, unit: str) -> dict[str, str]:
    argv = ["systemctl", "show", "-p", "ActiveState,UnitFileState,NeedDaemonReload", unit]
    pairs = (line.partition("=") for line in shell.run(argv).out.splitlines())
    return {name: value for name, _, value in pairs}


def _routes(shell: Shell) -> tuple[Route, ...]:
    found: list[Route] = []
    for family in ("-4", "-6"):
        # A kernel without IPv6 answers -6 with an error.
        found += parse_routes(shell.run(["ip", "-j", family, "route", "show", "table", "all"], check=False).out)
    return tuple(found)


def run_step(shell: Shell, step: Step) -> None:
    """One step; a secret goes by standard input. A refused step is named without it."""
    if step.argv[0] == "systemctl":
        control(shell, step.argv[1:])
        return
    done = shell.run(step.argv, text=step.stdin.reveal() if step.stdin else None, check=False)
    if done.code != 0:
        said = (done.err or done.out).strip()
        if step.stdin:
            said = said.replace(step.stdin.reveal(), "(hidden)")
        raise Refusal(f"{step.says}: {said}. What came before it is done; run the play again after the repair.")


def resolve(names: Iterable[str], config: HostConfig, filed: WgFile | None) -> dict[str, str]:
    """{name: address}. With several addresses the one of the file stays, else the first, IPv4 before IPv6."""
    before = {one.endpoint_name: one.endpoint for one in (filed.peers if filed else ())}
    held = {
        addresses.split_endpoint(peer.endpoint)[0]: addresses.split_endpoint(before[peer.endpoint])[0]
        for peer in config.peers
        if peer.endpoint in before
    }
    found = {}
    for name in names:
        answers = lookup(name)
        if answers:
            found[name] = held[name] if held.get(name) in answers else answers[0]
    return found


def lookup(name: str) -> list[str]:
    """A name's addresses in order; none when nobody answers."""
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError:
        return []
    return sorted({str(row[4][0]) for row in rows}, key=lambda text: (":" in text, text))


def way(shell: Shell, text: str) -> tuple[str, int]:
    """The device by which packets to an address leave, and the MTU of that way; ("", 0) when there is none."""
    answer = shell.run(["ip", "-j", "route", "get", text], check=False)
    rows = json.loads(answer.out) if answer.code == 0 and answer.out.strip() else []
    device = str(rows[0].get("dev", "")) if rows else ""
    if not device:
        return "", 0
    declared = [int(one["mtu"]) for one in rows[0].get("metrics", ()) if "mtu" in one]
    link = shell.run(["ip", "-j", "link", "show", "dev", device], check=False)
    return device, min([*declared, parse_link(link.out)[1] if link.code == 0 else 0])


def sysctl(name: str) -> int | None:
    """A kernel setting below net, or None where the kernel has none."""
    text = read_text(f"{SYSCTL}/{name}")
    return int(text) if text and text.strip().isdigit() else None


def ipv6_off() -> bool:
    """Whether the kernel has no IPv6, or has it switched off."""
    return sysctl("ipv6/conf/all/disable_ipv6") != 0
