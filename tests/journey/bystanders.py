"""Those that a join or a leave must not disturb. A scenario imports the tests and has a fixture `watched`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.cluster import Cluster

from . import witness

# Names of the tests, which a scenario's file imports.
__all__ = [
    "test_no_other_host_restarts_anything",
    "test_no_visitor_notices",
    "test_only_the_listed_files_of_the_others_change",
]


@dataclass
class Watched:
    """The others before and after it, what visitors got meanwhile, and the files that may differ."""

    before: dict[str, witness.Seen]
    visits: witness.Visits
    listed: dict[str, set[str]]
    after: dict[str, witness.Seen] = field(default_factory=dict)


def listed(cluster: Cluster, worker: str) -> dict[str, set[str]]:
    """Who may log in, the database's pool divided anew, who may write media, what nginx loaded, and the tunnels."""
    servers = cluster.settings["hosts"]
    found: dict[str, set[str]] = {}
    for name, share in cluster.hosts.items():
        files = found.setdefault(name, set())
        if "pgbouncer" in share:
            files.add("/etc/pgbouncer/pgbouncer.ini")
        if name == servers["postgres"]:
            files.add("/etc/postgresql/17/main/pg_hba.conf")
        if name == servers["redis"]:
            users = (f"/etc/redis/mastodon-{one['name']}.users" for one in share["redis"])
            files |= {f"{directory}/mastodon_{worker}.conf" for directory in users}
        if "nginx" in share:
            files |= {"/etc/nginx/sites-available/mastodon", "/var/lib/mastodon-units/nginx.service"}
        if "wireguard" in share["roles"]:
            files.add("/etc/wireguard/wg0.conf")
    found.pop(worker, None)
    return found


@contextmanager
def watch(cluster: Cluster, worker: str) -> Iterator[Watched]:
    """While a worker joins or leaves, there are visitors, and all other hosts are looked at before and after it."""
    names = sorted(set(cluster.hosts) - {worker})
    before = witness.look(cluster, names)
    with witness.visits(cluster) as visits:
        watched = Watched(before, visits, listed(cluster, worker))
        yield watched
    watched.after = witness.look(cluster, names)


def test_no_other_host_restarts_anything(watched: Watched) -> None:
    for name, seen in watched.before.items():
        assert seen.processes and seen.processes == watched.after[name].processes


def test_only_the_listed_files_of_the_others_change(watched: Watched) -> None:
    found = {name: witness.changed_files(seen, watched.after[name]) for name, seen in watched.before.items()}
    assert found == watched.listed


def test_no_visitor_notices(watched: Watched) -> None:
    assert watched.visits.answered > 20
    assert watched.visits.failures == []
