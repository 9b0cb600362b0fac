"""One environment file for three readers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fediverse.mastodon.plugins.filter.dotenv import FilterModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.quote import DotenvError, render
from ansible_collections.fediverse.mastodon.plugins.module_utils._dotenv.variables import app_environment
from ansible_collections.fediverse.mastodon.plugins.module_utils._secrets import values, vapid
from hypothesis import given
from hypothesis import strategies as st

# Node's dotenv 17 and Ruby's dotenv 3 find a single-quoted value like this; neither changes what is between the quotes.
LINE = re.compile(r"^\s*(?:export\s+)?([\w.-]+)\s*=\s*('(?:\\'|[^'])*')", re.MULTILINE)
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="'"), max_size=40)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), TEXT, max_size=5))
def test_what_is_written_is_what_is_read(variables: dict[str, str]) -> None:
    fine = {name: value for name, value in variables.items() if not value.endswith("\\")}
    assert {name: value[1:-1] for name, value in LINE.findall(render(fine))} == fine


def test_booleans_numbers_and_nothing() -> None:
    assert render({"B": True, "A": False, "C": 3, "D": None, "E": ""}) == "A='false'\nB='true'\nC='3'\nE=''\n"


@pytest.mark.parametrize("value", ["it's", "two\nlines", "end\\", ["list"], {"a": 1}])
def test_what_the_readers_would_read_differently_is_refused_with_its_name(value: Any) -> None:
    with pytest.raises(DotenvError, match="ODD"):
        render({"ODD": value})


def settings(**more: Any) -> dict[str, Any]:
    redis = {name: {"host": "127.0.0.1", "port": port} for name, port in (("base", 1), ("sidekiq", 2), ("cache", 3))}
    return {
        "tree": "app",
        "domain": "example.social",
        "web_domain": "example.social",
        "database": {"host": "127.0.0.1", "port": 6432, "name": "m", "user": "mastodon"},
        "redis": redis,
        "s3": {"backend": "none"},
        "s3_wish": {},
        "smtp": {"server": "mail", "port": 25, "auth_method": "none"},
        "trusted_proxies": ["127.0.0.1", "::1"],
        "secrets": values.make(values.NAMES, vapid.make_pair),
        "extra": {},
        **more,
    }


def test_every_redis_prefix_is_complete_because_nothing_is_inherited() -> None:
    found = app_environment(settings())
    for prefix, port in (("", 1), ("SIDEKIQ_", 2), ("CACHE_", 3)):
        assert found[f"{prefix}REDIS_PORT"] == port
        assert found[f"{prefix}REDIS_PASSWORD"] and found[f"{prefix}REDIS_HOST"]


def test_minio_has_an_empty_permission_and_no_storage_has_none() -> None:
    minio = {"backend": "minio", "bucket": "b", "endpoint": "https://media.example", "alias_host": "media.example"}
    found = app_environment(settings(s3=minio))
    assert found["S3_PERMISSION"] == "" and found["S3_ENABLED"] is True and found["S3_HOSTNAME"] == "media.example"
    assert "S3_PERMISSION=''\n" in render(found)
    assert not [name for name in app_environment(settings()) if name.startswith(("S3_", "AWS_"))]


def test_external_storage_uses_the_admins_keys_and_leaves_permissions_alone() -> None:
    wish = {"access_key": "AK", "secret_key": "SK"}
    found = app_environment(settings(s3={"backend": "external", "bucket": "b", "region": "eu"}, s3_wish=wish))
    assert (found["AWS_ACCESS_KEY_ID"], found["S3_REGION"]) == ("AK", "eu")
    assert "S3_PERMISSION" not in found


def test_a_streaming_host_gets_no_secret_it_does_not_need() -> None:
    given_ = settings(tree="streaming", extra={"LOG_LEVEL": "debug", "DEEPL_API_KEY": "hidden"})
    found = app_environment(given_)
    needed = {given_["secrets"]["postgres_password"], given_["secrets"]["redis_password"]}
    assert set(given_["secrets"].values()).intersection(map(str, found.values())) == needed
    assert "DEEPL_API_KEY" not in found and found["LOG_LEVEL"] == "debug"
    assert not [name for name in found if name.startswith(("SIDEKIQ_", "CACHE_", "SMTP_"))]


@pytest.mark.parametrize("name", ["DB_POOL", "MAX_THREADS", "WEB_CONCURRENCY", "PORT", "BIND", "RAILS_ENV"])
def test_variables_of_single_processes_are_refused(name: str) -> None:
    with pytest.raises(DotenvError, match=name):
        app_environment(settings(extra={name: "1"}))
    assert name not in app_environment(settings())


def test_web_domain_only_where_it_differs_and_the_admin_wins() -> None:
    assert "WEB_DOMAIN" not in app_environment(settings())
    found = app_environment(settings(web_domain="www.example.social", extra={"RAILS_LOG_LEVEL": "debug"}))
    assert (found["WEB_DOMAIN"], found["RAILS_LOG_LEVEL"]) == ("www.example.social", "debug")


def test_missing_secrets_are_named_by_the_filter() -> None:
    filters = FilterModule().filters()
    with pytest.raises(AnsibleFilterError, match="secret_key_base"):
        filters["app_environment"](settings(secrets={"postgres_password": "x"}))
    with pytest.raises(AnsibleFilterError, match="ODD"):
        filters["dotenv"]({"ODD": "it's"})
