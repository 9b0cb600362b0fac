"""Worker hosts with a role and a user of their own: who gets one, and that nothing changes for the others."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.build import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.problems import PlanError

from tests.unit.plan.plan_cases import four, raw

OWN = {"mastodon_worker_identity": "per_worker"}
SHARED = {"mastodon_worker_identity": "shared"}


def test_one_of_its_own_is_the_default() -> None:
    assert build(four()) == build(four(OWN))


def test_shared_is_possible() -> None:
    plan = build(four(SHARED))
    assert plan["hosts"]["worker"]["mastodon"]["database"]["user"] == "mastodon"
    assert "identity" not in plan["hosts"]["worker"]["mastodon"]
    assert all("role" not in client for client in plan["hosts"]["db"]["postgres"]["clients"])


def test_a_host_that_only_works_has_its_own() -> None:
    plan = build(four(OWN, worker={"mastodon_worker_epoch": 2}))
    share = plan["hosts"]["worker"]["mastodon"]
    assert share["identity"] == {"user": "mastodon_worker", "epoch": 2}
    assert share["database"]["user"] == "mastodon_worker"
    assert {place["user"] for place in share["redis"].values()} == {"mastodon_worker"}
    roles = {client["host"]: client.get("role") for client in plan["hosts"]["db"]["postgres"]["clients"]}
    assert roles == {"main": None, "worker": "mastodon_worker"}


def test_a_host_with_the_web_or_the_migrations_keeps_the_shared_one() -> None:
    plan = build(four(OWN))
    assert "identity" not in plan["hosts"]["main"]["mastodon"]
    assert all("user" not in place for place in plan["hosts"]["main"]["mastodon"]["redis"].values())


@pytest.mark.parametrize(("backend", "user"), [("minio", "mastodon_worker"), ("external", ""), ("none", "")])
def test_it_has_a_key_of_its_own_where_the_store_is_ours(backend: str, user: str) -> None:
    place = {"bucket": "b", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "s"}
    inventory = four(
        {**OWN, "mastodon_s3_backend": backend} | ({"mastodon_s3": place} if backend == "external" else {})
    )
    if backend != "minio":
        inventory["groups"] |= {"minio": [], "nginx": ["main", "media"]}
    hosts = build(inventory)["hosts"]
    assert hosts["worker"]["mastodon"]["s3"].get("user", "") == user
    assert "user" not in hosts["main"]["mastodon"]["s3"]


def test_nothing_else_differs() -> None:
    shared, own = build(four(SHARED)), build(four(OWN))
    for plan in (shared, own):
        del plan["hosts"]["worker"]["mastodon"], plan["hosts"]["db"]["postgres"]["clients"]
        plan["why"] = [reason for reason in plan["why"] if "identity" not in reason["path"]]
    assert shared == own


def test_a_name_that_no_server_takes_is_told() -> None:
    groups = {
        **{group: ["main"] for group in ("postgres", "redis", "puma", "streaming", "nginx")},
        "sidekiq_workers": ["main", "wörker"],
    }
    with pytest.raises(PlanError, match="'wörker' cannot name a worker"):
        build(raw(groups, OWN))
    assert build(raw(groups, SHARED))["hosts"]["wörker"]["sidekiq_workers"]
