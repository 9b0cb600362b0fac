# GPL-3.0-or-later (see LICENSE)
"""What a failed check means: which host, what both ends saw, what to do next (wireguard-join c.7). No secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .addresses import split_endpoint
from .checks import short
from .handshakes import Course
from .model import UNREACHABLE, Path
from .steps import FRESH


@dataclass(frozen=True)
class End:
    """One host's view of a link. Bytes and handshakes are what was counted during the check, not since boot."""

    host: str
    # The public key that its interface runs with; filed: that of its key file.
    key: str = ""
    # The public key that this host has for the other one; empty when it has no block for it.
    expects: str = ""
    # Where it dials the other one; empty when it waits to be dialled.
    endpoint: str = ""
    port: int = 0
    address: str = ""
    sent: int = 0
    received: int = 0
    # What became of its handshakes to the other one; None where not both listened at the same time.
    course: Course | None = None
    # The port of its running tunnel; 0 when that is down.
    listens: int = 0
    interface: str = "wg0"
    handshake_age: int | None = None
    # Seconds that its clock is behind the other's; WireGuard drops handshakes older than the last one.
    clock_behind: int = 0
    # The other's address is among the AllowedIPs of its block, and its route leads to the tunnel.
    allowed: bool = True
    routed: bool = True
    ping: bool = False
    full_mtu: bool | None = None
    mtu: int = 0
    passes: int = 0
    filed: str = ""


def diagnose(one: End, other: End, path: Path | None = None) -> str:
    """The failure of a link as one sentence, seen from both ends; empty when nothing failed."""
    if path is not None and path.kind == UNREACHABLE:
        return f"{path.reason}: declare a hub (wireguard_hub) or a zone (wireguard_zone with wireguard_lan_endpoint)."
    if not (_alive(one) and _alive(other)) or _in_vain(one, other):
        return _no_handshake(*_dialler_first(one, other))
    for here, there in ((one, other), (other, one)):
        if not here.ping:
            return _no_ping(here, there)
    for here, there in ((one, other), (other, one)):
        if here.full_mtu is False:
            return (
                f"path MTU too small from {here.host} to {there.host}:"
                f" {f'{here.passes} bytes pass' if here.passes else 'small packets pass'}, tunnel uses {here.mtu}."
                " Leave wireguard_mtu at auto, or set it to what passes."
            )
    return ""


def _alive(end: End) -> bool:
    return end.handshake_age is not None and end.handshake_age <= FRESH


def _in_vain(*ends: End) -> bool:
    """A session may be young and its packets lost since: then WireGuard begins anew after 15 s."""
    tried = [end.course for end in ends if end.course and end.course.sent]
    return bool(tried) and not any(course.taken_in for course in tried)


def _dialler_first(one: End, other: End) -> tuple[End, End]:
    """The end whose handshakes can be judged: one that dialled, and if both did the first one."""
    pairs = [(here, there) for here, there in ((one, other), (other, one)) if here.endpoint]
    dialled = [pair for pair in pairs if pair[0].course and pair[0].course.sent]
    return (dialled or pairs or [(one, other)])[0]


def _no_handshake(here: End, there: End) -> str:
    if not here.expects or not there.expects:
        lacking, missing = (here, there) if not here.expects else (there, here)
        return (
            f"{lacking.host} has no block for {missing.host}{f' ({short(missing.key)})' if missing.key else ''}:"
            f" run the play for {lacking.host} as well."
        )
    for end in (here, there):
        if end.filed and end.filed != end.key:
            return (
                f"{end.host} runs with another key than that of its file ({short(end.key)}, not {short(end.filed)}), so"
                f" nobody knows it. Run the play for {end.host} with wireguard_allow_disruption."
            )
    if here.course is None:
        return _uncounted(here, there)
    return _lost(here, there, here.course) or _rejected(here, there, here.course)


def _uncounted(here: End, there: End) -> str:
    """One end could not listen, or was not asked to."""
    return _other_key(here, there, "") or (
        f"no handshake between {here.host} and {there.host} ({here.host} sent {here.sent} bytes, received"
        f" {here.received}). Check the firewall/NAT for UDP {there.port} on {there.host}, then the preshared key."
    )


def _lost(here: End, there: End, course: Course) -> str:
    """Where the packets of one way end, or of the way back; empty when all arrive."""
    one, other = here.host, there.host
    for end in (here, there):
        if not end.listens:
            return f"{end.interface} of {end.host} is down: run the play for {end.host}."
    tried = f"{course.sent} handshake{'s' if course.sent != 1 else ''}"
    if not course.sent:
        where = split_endpoint(here.endpoint)[0]
        return (
            f"{one} sends nothing to {other} at {here.endpoint} (no handshake left it). Look at `ip route get {where}`"
            f" on {one}, and at its firewall for outgoing UDP."
        )
    if not course.reached:
        return (
            f"no answer from {other} at {here.endpoint}: packets do not arrive ({one} sent {tried}, none reached"
            f" {other}). Check the firewall/NAT for UDP {there.port} on the way to {other}, or the endpoint."
        )
    if not course.passed:
        return (
            f"{other}'s own firewall drops what {one} sends ({course.reached} of {tried} reached {other}, none got past"
            f" its firewall). Allow UDP {_numbers(course.ports)} in the input rules of {other}."
        )
    if there.listens not in course.ports:
        return (
            f"what {one} sends to {here.endpoint} arrives at UDP {_numbers(course.ports)} of {other}, and its tunnel"
            f" listens at {there.listens}. Correct the endpoint or the forwarded port, and run the play for {other}."
        )
    if course.answered and not course.came_back:
        return (
            f"answers of {other} do not arrive ({course.reached} of {tried} reached {other},"
            f" {course.answered} answered, none came back to {one})."
            f" Check the firewall/NAT for UDP {here.port} on the way to {one}."
        )
    if course.answered and not course.taken_in:
        return (
            f"{one}'s own firewall drops the answers of {other} ({course.came_back} of {course.answered} came back to"
            f" {one}, none got past its firewall). Allow answers, or UDP {here.port}, in the input rules of {one}."
        )
    if not course.answered and there.received:
        return (
            f"{other} takes the handshakes of {one}, and no answer leaves it ({course.passed} of {tried} arrived)."
            f" Allow outgoing UDP from port {there.listens} on {other}."
        )
    return ""


def _rejected(here: End, there: End, course: Course) -> str:
    """All arrives, and one end refuses it."""
    seen = f"{course.passed} of {course.sent} handshakes arrived, {course.answered or 'none'} answered"
    prefix = f"{there.host} receives but rejects ({seen}): "
    known = _other_key(here, there, prefix)
    if known:
        return known
    if course.answered:
        return (
            f"{there.host} answers and {here.host} rejects it ({seen}): the keys agree, so the preshared key differs."
            f" Run the play for both, with one wireguard_preshared_seed and one epoch."
        )
    if here.clock_behind > 0:
        return (
            f"{prefix}{here.host}'s clock went back ({here.clock_behind} s behind):"
            f" WireGuard drops handshakes with older timestamps. Set the clock of {here.host}."
        )
    return (
        f"{prefix}the keys agree and the clocks as well now; if {here.host}'s clock went back, {there.host} waits for"
        f" the time it had. Run `wg set {there.interface} peer {there.expects} remove` on {there.host}, then the play."
    )


def _other_key(here: End, there: End, prefix: str) -> str:
    if there.expects != here.key:
        return (
            f"{prefix or f'{there.host} rejects {here.host}: '}it has another key for {here.host}"
            f" (expects {short(there.expects)}, got {short(here.key)})."
            f" Run the play for {there.host}, so that it learns the new key."
        )
    if here.expects != there.key:
        return (
            f"{here.host} has another key for {there.host} (expects {short(here.expects)}, is {short(there.key)})."
            f" Run the play for {here.host}, so that it learns the new key."
        )
    return ""


def _numbers(ports: Iterable[int]) -> str:
    return ", ".join(map(str, ports))


def _no_ping(here: End, there: End) -> str:
    seen = f"the handshake is {here.handshake_age} s old, but {there.address} does not answer {here.host}"
    for end, far in ((here, there), (there, here)):
        if not end.allowed:
            return f"AllowedIPs: {far.address} of {far.host} is not in {end.host}'s table ({seen}). Run the play again."
    for end, far in ((here, there), (there, here)):
        if not end.routed:
            return (
                f"route: {far.address} of {far.host} does not leave {end.host} by the tunnel ({seen})."
                f" Look at `ip route get {far.address}` on {end.host}."
            )
    if here.sent and not there.received:
        return (
            f"packets do not arrive any more: {here.host} sent {here.sent} bytes, {there.host} received none ({seen})."
            f" Check the firewall/NAT for UDP {there.port} on {there.host} and on the way."
        )
    return f"firewall on the tunnel interface of {there.host} ({seen}). Allow ICMP and the cluster's ports there."


def refused(says: Iterable[str], host: str, *, hub: bool) -> str:
    """Disruptive work that was not allowed: what it would do, to whom, and what to do first."""
    where = f"hub {host}" if hub else host
    return (
        f"{'; '.join(says)}: this re-creates the socket or the interface on {where}: idle hosts behind NAT may be"
        " unreachable up to 2 min. Set wireguard_allow_disruption, drain the workers behind it first."
    )


def left_behind(name: str, done: int, missed: Iterable[str]) -> str:
    """A removed host that not everybody has dropped yet."""
    hosts = sorted(missed)
    verb, pronoun = ("was", "accepts") if len(hosts) == 1 else ("were", "accept")
    return (
        f"{name} revoked on {done} of {done + len(hosts)} hosts; {', '.join(hosts)} {verb} not reached and still"
        f" {pronoun} it. Run the play for {', '.join(hosts)} when reachable."
    )


def no_relay(hub: str, forwarding: bool, redirects: bool, forward_allowed: bool) -> tuple[str, ...]:
    """What keeps a hub from relaying between its spokes, or makes it noisy (wireguard-join c.4.7)."""
    found = []
    if not forwarding:
        found.append(f"{hub} does not forward: set net.ipv4.ip_forward (and net.ipv6.conf.all.forwarding) to 1 there.")
    if not forward_allowed:
        found.append(f"{hub}'s firewall drops what it forwards: accept from the tunnel interface to itself.")
    if redirects:
        found.append(f"{hub} sends an ICMP redirect for each relayed packet: set send_redirects of the interface to 0.")
    return tuple(found)
