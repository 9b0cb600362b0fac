# GPL-3.0-or-later (see LICENSE)
"""The tunnel's MTU: what the routes promise, what don't-fragment probes prove, what is taken (wireguard-join c.7).

A probe is a whole IP packet inside the tunnel that must not be fragmented. WireGuard adds 60 bytes over IPv4, 80 over
IPv6, and pads the packet to a multiple of 16 before that, but never beyond the MTU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# What wg-quick takes off a route's MTU, whatever the family: outer IPv6 header 40, UDP 8, WireGuard 32.
OVERHEAD = 80
USUAL = 1420
# Every IPv6 path carries 1280, so nothing below is ever needed inside, and nothing smaller is allowed for IPv6.
LOWEST = 1280
PADDING = 16


@dataclass(frozen=True)
class Decision:
    """mtu to set. path: what the path carries (0: not measured). says: for `warnings`, often empty."""

    mtu: int
    path: int = 0
    says: str = ""


def candidate(route_mtus: Iterable[int], declared: int = 0) -> int:
    """The MTU to begin with: the declared one, else 1420 or what the narrowest route to an endpoint leaves.

    route_mtus: MTU of the device (or of the route) to each endpoint, in bytes.
    """
    if declared:
        return declared
    narrowest = min(route_mtus, default=USUAL + OVERHEAD)
    return max(LOWEST, min(USUAL, narrowest - OVERHEAD))


def next_probe(results: Mapping[int, bool], high: int) -> int:
    """The next packet size to try, in bytes, or 0 when it is decided. At most 6 probes for 1420.

    results: {size: whether it arrived}. First the whole MTU, then the lowest, then by halves, in steps of the padding.
    """
    if high not in results:
        return high
    if results[high] or high <= LOWEST:
        return 0
    if LOWEST not in results:
        return LOWEST
    if not results[LOWEST]:
        return 0
    works, fails = _bounds(results, high)
    middle = (works + fails) // 2 // PADDING * PADDING
    return middle if works < middle < fails else 0


def decide(host: str, results: Mapping[str, Mapping[int, bool]], high: int, *, nat_untested: bool = False) -> Decision:
    """What a host sets. results: {peer: {size: whether it arrived}}, both directions of a peer merged by `both_ways`.

    nat_untested: the host is behind NAT and no path of it could be tested; it then takes the lowest.
    """
    tested = {peer: found for peer, found in results.items() if found}
    if not tested:
        said = f"{host} is behind NAT and its path could not be tested: MTU {LOWEST}" if nat_untested else ""
        return Decision(LOWEST if nat_untested else high, says=said)
    best = {
        peer: max((size for size, arrived in found.items() if arrived), default=0) for peer, found in tested.items()
    }
    peer = min(sorted(best), key=lambda name: best[name])
    size = best[peer]
    if size >= high:
        return Decision(high, path=high)
    if size == 0:
        return Decision(
            LOWEST,
            says=f"not even {min(tested[peer])} bytes pass from {host} to {peer}: look at the tunnel first",
        )
    return Decision(size, size, f"mtu reduced to {size} on {host}: {size} bytes pass to {peer}, {high} do not")


def both_ways(there: Mapping[int, bool], back: Mapping[int, bool]) -> dict[int, bool]:
    """A size passes when it passes in each direction that tried it."""
    return {size: there.get(size, True) and back.get(size, True) for size in {*there, *back}}


def payload(size: int, version: int) -> int:
    """Bytes of an ICMP echo's data that make a packet of this size: IP header and 8 bytes of ICMP taken off."""
    return size - (48 if version == 6 else 28)


def _bounds(results: Mapping[int, bool], high: int) -> tuple[int, int]:
    works = max(size for size, arrived in results.items() if arrived)
    return works, min((size for size, arrived in results.items() if not arrived and size > works), default=high)
