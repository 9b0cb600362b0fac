"""Those that a join or a leave must not disturb. A scenario imports the tests and has a fixture `watched`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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


def _listed(worker: str) -> dict[str, set[str]]:
    """Who may log in, the database's pool divided anew, who may write media, and what nginx loaded."""
    main = {
        "/etc/nginx/sites-available/mastodon",
        "/etc/pgbouncer/pgbouncer.ini",
        "/etc/postgresql/17/main/pg_hba.conf",
        "/var/lib/mastodon-units/nginx.service",
        *(f"/etc/redis/mastodon-{name}.users/mastodon_{worker}.conf" for name in ("base", "sidekiq", "cache")),
    }
    return {"main": main, "w1": {"/etc/pgbouncer/pgbouncer.ini"}}


@contextmanager
def watch(cluster: Cluster, names: Collection[str], worker: str) -> Iterator[Watched]:
    """While a worker joins or leaves, there are visitors, and these hosts are looked at before and after it."""
    before = witness.look(cluster, names)
    with witness.visits(cluster) as visits:
        watched = Watched(before, visits, _listed(worker))
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
