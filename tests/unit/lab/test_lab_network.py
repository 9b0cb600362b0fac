"""Subnets: free ones are found, addresses stay within."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.errors import LabError
from tests.lab.network import RANGE, address, free_subnets, gateway

subnets = st.builds(lambda third, bits: f"10.213.{third}.0/{bits}", st.integers(0, 255), st.sampled_from([20, 24, 28]))


@given(st.lists(subnets, max_size=12))
def test_free_subnets_overlap_with_nothing_taken(taken: list[str]) -> None:
    used = [ipaddress.ip_network(text, strict=False) for text in taken]
    found = [ipaddress.ip_network(text) for text in free_subnets(taken)]
    assert len(set(found)) == 2
    assert not any(one.overlaps(other) for one in found for other in used)


def test_other_ranges_and_versions_do_not_matter() -> None:
    assert free_subnets(["fd00::/64", "172.17.0.0/16", "192.0.2.2"]) == ["10.213.0.0/24", "10.213.1.0/24"]


def test_a_full_range_is_explained() -> None:
    with pytest.raises(LabError, match="no free subnet is left"):
        free_subnets([str(RANGE)])


def test_addresses_of_hosts_and_of_this_machine_differ() -> None:
    found = [gateway("10.213.4.0/24"), *(address("10.213.4.0/24", position) for position in range(200))]
    assert len(set(found)) == 201
    assert all(ipaddress.ip_address(text) in ipaddress.ip_network("10.213.4.0/24") for text in found)
    assert "10.213.4.255" not in found
