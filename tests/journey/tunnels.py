"""Who a host has a tunnel with, as its kernel or wireguard-go says."""

from __future__ import annotations

from collections.abc import Collection

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host


def reached(cluster: Cluster, names: Collection[str]) -> dict[str, set[str]]:
    """Addresses that each of these hosts sends into its tunnels."""
    found = {}
    for name in names:
        lines = host(cluster, name).check_output("wg show all allowed-ips").splitlines()
        found[name] = {address for line in lines for address in line.split()[2:]}
    return found
