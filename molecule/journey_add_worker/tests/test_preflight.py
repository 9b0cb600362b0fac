"""Each fault around a worker is one failing check, and the check says what to do. w2 has joined by then."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host, sql
from tests.journey.join import Join
from tests.journey.preflight import Preflight, prepare

ENV = "/opt/mastodon/shared/.env.production"
RELEASE = "/opt/mastodon/current/.release.json"
HBA = "/etc/postgresql/17/main/pg_hba.conf"
UNIT = "/etc/systemd/system/mastodon-sidekiq@.service.d"


@pytest.fixture(scope="module")
def preflight(joined: Join) -> Preflight:
    """Of w2, in comparison with main."""
    return prepare(joined.cluster, "w2", "main")


@contextmanager
def edited(cluster: Cluster, name: str, path: str, edit: str, after: str = "true") -> Iterator[None]:
    """A file changed by sed for a while; then the command that lets the change count."""
    there = host(cluster, name)
    there.check_output(f"cp -a {path} {path}.tests && sed -i -E {shlex.quote(edit)} {path}")
    try:
        assert there.run(f"cmp -s {path} {path}.tests").rc == 1, f"{edit} changes nothing"
        there.check_output(after)
        yield
    finally:
        there.check_output(f"mv {path}.tests {path} && {after}")


@contextmanager
def done(cluster: Cluster, name: str, command: str, undo: str) -> Iterator[None]:
    """A command, and later the one that undoes it."""
    host(cluster, name).check_output(command)
    try:
        yield
    finally:
        host(cluster, name).check_output(undo)


def test_without_a_fault_nothing_fails(preflight: Preflight) -> None:
    assert preflight.failures() == {}


SECRET = "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY"
# The check, what it says, the host, the file, what sed does to it, what lets it count.
EDITS = [
    ("postgres", "28P01", "w2", ENV, "s/^(DB_PASS=).*/\\1'wrong'/", "true"),
    ("redis", "WRONGPASS", "w2", ENV, "s/^(SIDEKIQ_REDIS_PASSWORD=).*/\\1'wrong'/", "true"),
    ("s3", "SignatureDoesNotMatch", "w2", ENV, "s/^(AWS_SECRET_ACCESS_KEY=).*/\\1'wrongwrongwrong'/", "true"),
    ("secrets", f"{SECRET} differs", "w2", ENV, f"s/^({SECRET}=).*/\\1'another'/", "true"),
    ("media", "local disk", "w2", ENV, "s/^(S3_ENABLED=).*/\\1'false'/", "true"),
    ("version", "v9 is deployed, main runs", "w2", RELEASE, 's/"version": "v[^"]*"/"version": "v9"/', "true"),
    ("postgres", "no pg_hba.conf entry", "main", HBA, "/mastodon_w2/d", "systemctl reload postgresql@17-main"),
]


@pytest.mark.parametrize(("check", "words", "name", "path", "edit", "after"), EDITS)
def test_what_is_wrong_in_a_file(
    preflight: Preflight, check: str, words: str, name: str, path: str, edit: str, after: str
) -> None:
    with edited(preflight.cluster, name, path, edit, after):
        found = preflight.failures()
    assert list(found) == [check] and words in found[check], found


PASSWORD = "$(sed -n 's/^requirepass //p' /etc/redis/mastodon-sidekiq.conf | tr -d '\"')"
ADMIN = f"REDISCLI_AUTH={PASSWORD} redis-cli -e -p 6380"
MIGRATION = "cd / && runuser -u postgres -- psql -Xq -d mastodon_production -c"
COMMANDS = [
    (
        "redis",
        "NOPERM",
        "main",
        f"{ADMIN} acl setuser mastodon_w2 -info",
        f"{ADMIN} acl setuser mastodon_w2 +info",
    ),
    (
        "version",
        "database is newer than this code",
        "main",
        f"{MIGRATION} \"INSERT INTO schema_migrations VALUES ('29990101000000')\"",
        f"{MIGRATION} \"DELETE FROM schema_migrations WHERE version = '29990101000000'\"",
    ),
    (
        "units",
        "TimeoutStopSec above 9",
        "w2",
        f"mkdir -p {UNIT} && printf '[Service]\\nTimeoutStopSec=4\\n' > {UNIT}/tests.conf && systemctl daemon-reload",
        f"rm -r {UNIT} && systemctl daemon-reload",
    ),
]


@pytest.mark.parametrize(("check", "words", "name", "command", "undo"), COMMANDS)
def test_what_is_wrong_in_a_service(
    preflight: Preflight, check: str, words: str, name: str, command: str, undo: str
) -> None:
    with done(preflight.cluster, name, command, undo):
        found = preflight.failures()
    assert list(found) == [check] and words in found[check], found


def test_a_clock_that_is_ahead(preflight: Preflight) -> None:
    """The hosts of a lab share one clock: Debian's faketime shows the module another one."""
    host(preflight.cluster, "w2").check_output("DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes faketime")
    found = preflight.failures(under="faketime -f +412s")
    assert list(found) == ["clock"] and "412 s ahead" in found["clock"], found


def test_it_works_on_after_all_of_them(preflight: Preflight) -> None:
    assert preflight.failures() == {}
    assert sql(preflight.cluster, "SELECT count(*) FROM schema_migrations WHERE version LIKE '2999%'") == [["0"]]
