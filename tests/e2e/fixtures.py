"""pytest fixtures of the layout scenarios: `from tests.e2e.fixtures import *` in their conftest.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import outside
from tests.e2e.client import Visitor, names
from tests.e2e.cluster import Cluster, describe
from tests.e2e.rounds import Round, begin

__all__ = ["admin", "cluster", "lab", "mail", "public_names", "remote", "this_round"]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The scenario's installation."""
    return describe(str(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"))


@pytest.fixture(scope="session", autouse=True)
def public_names(cluster: Cluster) -> Iterator[None]:
    """The site's names lead to its first nginx host."""
    with names(dict.fromkeys(cluster.names, cluster.entry)):
        yield


@pytest.fixture(scope="session")
def admin(cluster: Cluster, public_names: None) -> Visitor:
    """The first account, logged in."""
    return Visitor(cluster, cluster.settings["admin"]["email"], cluster.secrets["admin_password"])


@pytest.fixture(scope="session")
def mail(cluster: Cluster) -> Iterator[outside.Mail]:
    """The mail server that the cluster was told to use."""
    with outside.mail(cluster.gateway) as box:
        yield box


@pytest.fixture(scope="session")
def remote(cluster: Cluster) -> Iterator[outside.Remote]:
    """Another server of the fediverse."""
    with outside.remote(cluster.gateway) as server:
        yield server


@pytest.fixture(scope="session")
def lab() -> str:
    """The lab's name, for faults."""
    return os.environ["MOLECULE_SCENARIO_NAME"]


@pytest.fixture(scope="session", autouse=True)
def this_round(cluster: Cluster) -> Round:
    """The processes at the beginning of this round and of the one before."""
    return begin(cluster)
