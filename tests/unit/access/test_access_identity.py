"""Names and passwords of a worker."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv import variables
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.variables import app_environment
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import access, identity
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import expect
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret

SEED = Secret("s" * 64)
SECRETS = {"worker_seed": "s" * 64, "postgres_password": "shared", "redis_password": "shared", "secret_key_base": "k"}


def test_passwords_differ_by_host_service_and_epoch_and_are_the_same_tomorrow() -> None:
    asked = [(host, service, epoch) for host in ("pi1", "pi2") for service in ("postgres", "redis") for epoch in (0, 1)]
    made = [identity.password(SEED, *one).reveal() for one in asked]
    assert len(set(made)) == len(asked)
    assert made == [identity.password(SEED, *one).reveal() for one in asked]
    assert all(len(one) == 43 and one.isalnum() and one.isascii() for one in made)


def test_a_password_is_pinned() -> None:
    # A change of the formula locks every worker out until site.yml ran everywhere: it must not happen by accident.
    assert identity.password(SEED, "pi1", "redis").reveal() == "GyHlAukgIdG9QO81MtGnr6IfWHNrF4M8Zapk2AefSy1"


def test_a_short_seed_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"0 characters, and needs 32 or more: run the entry `secrets`"):
        identity.own_secrets({}, "pi1")


def test_a_worker_sees_its_own_passwords_and_no_seed() -> None:
    own = identity.own_secrets(SECRETS, "pi1", epoch=2)
    assert own["postgres_password"] == identity.password(SEED, "pi1", "postgres", 2).reveal()
    assert own["redis_password"] == identity.password(SEED, "pi1", "redis", 2).reveal()
    assert own["secret_key_base"] == "k" and "worker_seed" not in own
    shared = identity.own_secrets(SECRETS, "pi1", "shared")
    assert shared["postgres_password"] == "shared" and "worker_seed" not in shared


def test_a_worker_has_its_own_key_where_the_store_is_ours() -> None:
    secrets = {**SECRETS, "s3_access_key": "mastodonkey", "s3_secret_key": "shared"}
    own = identity.own_secrets(secrets, "pi1", epoch=2, store_user="mastodon_pi1")
    made = identity.password(SEED, "pi1", "store", 2).reveal()
    assert (own["s3_access_key"], own["s3_secret_key"]) == ("mastodon_pi1", made)
    assert made not in (own["postgres_password"], own["redis_password"])
    elsewhere = identity.own_secrets(secrets, "pi1", epoch=2)
    assert (elsewhere["s3_access_key"], elsewhere["s3_secret_key"]) == ("mastodonkey", "shared")


@pytest.mark.parametrize("user", ["", "mastodon_pi1"])
def test_the_environment_has_the_key_of_whom_the_plan_names(user: str) -> None:
    secrets = {**dict.fromkeys(variables.SECRETS.values(), "k"), **SECRETS}
    secrets |= {"s3_access_key": "mastodonkey", "s3_secret_key": "shared"}
    s3 = {"backend": "minio", "bucket": "mastodon", "endpoint": "https://media.example.social"}
    settings = {
        "tree": "app",
        "domain": "example.social",
        "database": {"host": "127.0.0.1", "port": 6432, "name": "d", "user": "mastodon"},
        "redis": {"base": {"host": "127.0.0.1", "port": 16379}},
        "s3": {**s3, "user": user} if user else s3,
        "secrets": identity.own_secrets(secrets, "pi1", store_user=user),
    }
    written = app_environment(settings)
    made = identity.password(SEED, "pi1", "store").reveal()
    wanted = (user, made) if user else ("mastodonkey", "shared")
    assert (written["AWS_ACCESS_KEY_ID"], written["AWS_SECRET_ACCESS_KEY"]) == wanted


@pytest.mark.parametrize("name", ["", "-pi", "pi 1", 'pi"1', "pi,1", "pi/1", "+pi", "pi\n1", "pi#1"])
def test_names_that_a_file_would_read_otherwise_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a worker"):
        identity.user_name(name)


def test_long_names_stay_apart_and_within_postgres_limit() -> None:
    one, other = (identity.user_name("w" * 70 + end) for end in "ab")
    assert one != other and len(one) == len(other) == 63
    assert identity.user_name("w" * 54) == "mastodon_" + "w" * 54


@pytest.mark.parametrize(
    ("roles", "migrates", "why"),
    [
        (["common", "mastodon", "pgbouncer", "relay", "sidekiq_workers"], False, ""),
        (["puma", "sidekiq_workers"], False, "it also runs puma"),
        (["redis", "postgres", "sidekiq_workers"], False, "it also runs postgres, redis"),
        (["sidekiq_workers"], True, "it migrates the database"),
        (["puma"], False, "it runs no Sidekiq"),
    ],
)
def test_only_hosts_that_work_and_nothing_else_have_an_identity(roles: list[str], migrates: bool, why: str) -> None:
    assert identity.fits(roles, migrates) == why


@pytest.mark.parametrize(
    ("address", "wanted"),
    [("10.66.0.7", "10.66.0.7/32"), ("10.66.0.7/32", "10.66.0.7/32"), ("fd66::7", "fd66::7/128")],
)
def test_an_address_is_one_host(address: str, wanted: str) -> None:
    assert access.grant("pi1", address, "per_worker", needs_address=True).address == wanted


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.66.0.0/24", "lets in 256 addresses"),
        ("0.0.0.0", "no address that a host can have"),
        ("pi1.home", "is no address"),
        ("", "pi1 has no address here"),
    ],
)
def test_what_is_no_host_is_refused(address: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        access.grant("pi1", address, "per_worker", needs_address=True)


def test_the_environment_names_the_user_of_redis_where_the_plan_gives_one() -> None:
    settings = {
        "tree": "streaming",
        "domain": "example.social",
        "database": {"host": "127.0.0.1", "port": 6432, "name": "d", "user": "mastodon_pi1"},
        "redis": {"base": {"host": "127.0.0.1", "port": 16379, "user": "mastodon_pi1"}},
        "secrets": identity.own_secrets(SECRETS, "pi1"),
    }
    written = app_environment(settings)
    assert written["DB_USER"] == written["REDIS_USER"] == "mastodon_pi1"
    assert written["REDIS_PASSWORD"] == identity.password(SEED, "pi1", "redis").reveal() != written["DB_PASS"]
    del settings["redis"]["base"]["user"]  # type: ignore[attr-defined]
    assert "REDIS_USER" not in app_environment(settings)


def test_a_worker_with_its_own_role_is_probed_as_that_role() -> None:
    clients = [
        {"host": "pi1", "address": "10.66.0.7/32", "role": "mastodon_pi1"},
        {"host": "web", "address": "10.66.0.2/32"},
    ]
    postgres = {"port": 5432, "listen_addresses": ["10.66.0.1"], "user": "mastodon", "clients": clients}
    told = {
        "hosts": {
            "db": {"address": "10.66.0.1", "postgres": postgres},
            "pi1": {"address": "10.66.0.7"},
            "web": {"address": "10.66.0.2"},
        }
    }
    asked = {name: expect.probes(told, name, {})[0] for name in ("pi1", "web")}
    assert [(one.user, one.expect) for one in asked.values()] == [
        ("mastodon_pi1", "admitted"),
        ("mastodon", "admitted"),
    ]
