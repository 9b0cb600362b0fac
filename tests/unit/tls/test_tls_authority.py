"""The authority for tests: what stays, what is made anew, and that the result holds."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._tls.authority import (
    Lifetimes,
    decide,
    make_authority,
    names_of,
)
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.timezone.utc)
LIFETIMES = Lifetimes(authority=3650, leaf=90, renew_before=30)
NAMES = ["social.example.com", "media.social.example.com"]


@pytest.fixture(scope="module")
def first():
    return decide(None, None, NAMES, LIFETIMES, NOW)


def again(first, names=NAMES, days=0, **changes):
    pairs = {"authority": first.authority, "leaf": first.leaf, **changes}
    return decide(pairs["authority"], pairs["leaf"], names, LIFETIMES, NOW + dt.timedelta(days=days))


def test_both_are_made(first):
    assert first.actions == ["make authority: there is none", "issue certificate: there is none"]
    assert sorted(names_of(first.leaf)) == sorted(NAMES)


def test_a_second_run_keeps_both(first):
    second = again(first, names=NAMES[::-1])
    assert second.actions == []
    assert (second.authority, second.leaf) == (first.authority, first.leaf)


def test_a_browser_would_accept_it(first):
    store = Store([x509.load_pem_x509_certificate(first.authority.certificate.encode())])
    for name in NAMES:
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
        verifier.verify(x509.load_pem_x509_certificate(first.leaf.certificate.encode()), [])


@pytest.mark.parametrize("days, renewed", [(59, False), (61, True), (89, True)])
def test_renewed_before_its_end(first, days, renewed):
    found = again(first, days=days)
    assert bool(found.actions) is renewed
    assert found.authority == first.authority, "who trusts it need not be told again"


def test_names_changed(first):
    assert again(first, names=[*NAMES, "example.com"]).actions == ["issue certificate: the names differ"]


def test_addresses_are_names_too(first):
    assert "192.0.2.1" in names_of(again(first, names=["192.0.2.1"]).leaf)


def test_an_authority_that_ends_first_goes(first):
    found = again(first, days=3600)
    assert [action.split(":")[0] for action in found.actions] == ["make authority", "issue certificate"]


def test_another_authority(first):
    found = again(first, authority=make_authority(LIFETIMES, NOW))
    assert found.actions == ["issue certificate: another authority issued it"]


def test_a_lost_key(first):
    assert again(first, leaf=None).actions == ["issue certificate: there is none"]
    foreign = dataclasses.replace(first.leaf, key=first.authority.key)
    assert again(first, leaf=foreign).actions == ["issue certificate: its key does not match"]
