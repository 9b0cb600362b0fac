# GPL-3.0-or-later (see LICENSE)
"""What one worker may be let in by, as asked for: checked before any server is touched."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from .identity import PER_WORKER, user_name


@dataclass(frozen=True)
class Grant:
    """One worker at one service. address: with its prefix length, empty where none is needed. user: empty: shared."""

    worker: str
    address: str
    user: str


def single(address: str) -> str:
    """One host's address with /32 or /128. ValueError: no address, a whole network, or every address there is."""
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise ValueError(f"{address!r} is no address: give the worker's address in the tunnel, as 10.66.0.7") from None
    if network.prefixlen != network.max_prefixlen:
        raise ValueError(
            f"{address} lets in {network.num_addresses} addresses: give the worker's own, with /32 or /128"
        )
    if network.network_address.is_unspecified or network.network_address.is_multicast:
        raise ValueError(f"{address} is no address that a host can have")
    return str(network)


def grant(worker: str, address: str, identity: str, *, needs_address: bool) -> Grant:
    """The grant that the arguments ask for. ValueError names what is wrong."""
    user = user_name(worker) if identity == PER_WORKER else ""
    if not address:
        if needs_address:
            raise ValueError(f"{worker} has no address here: give the one it has in the tunnel (mastodon_address)")
        return Grant(worker, "", user)
    return Grant(worker, single(address), user)
