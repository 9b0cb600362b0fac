"""The configuration tree: changes, their inverse, and what counts as loaded."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx.tree import (
    Entry,
    Wanted,
    actions,
    changes,
    diff_text,
    fingerprint,
    inverse,
    overlay,
)
from hypothesis import given
from hypothesis import strategies as st

PATHS = st.sampled_from(["nginx.conf", "sites-available/mastodon", "sites-enabled/own", "mastodon/privkey.pem"])
ENTRIES = st.one_of(
    st.builds(Entry, content=st.binary(max_size=8), mode=st.sampled_from([0o600, 0o644])),
    st.builds(Entry, target=st.sampled_from(["../a", "/etc/nginx/sites-available/default"])),
)
TREES = st.dictionaries(PATHS, ENTRIES)
WANTED = st.builds(
    Wanted, present=TREES, unlinked=st.just({"sites-enabled/default": "/etc/nginx/sites-available/default"})
)
DEFAULT = Entry(target="/etc/nginx/sites-available/default")


@given(TREES, WANTED)
def test_a_second_run_changes_nothing(current, wanted):
    desired = overlay(current, changes(current, wanted))
    assert not changes(desired, wanted)


@given(TREES, WANTED)
def test_the_inverse_brings_everything_back(current, wanted):
    changed = changes(current, wanted)
    assert overlay(overlay(current, changed), inverse(current, changed)) == current


@given(TREES, WANTED)
def test_files_of_others_stay(current, wanted):
    desired = overlay(current, changes(current, wanted))
    others = {path: entry for path, entry in current.items() if path not in wanted.present}
    assert {path: desired.get(path) for path in others} == others


@given(TREES, TREES)
def test_fingerprints_differ_where_trees_do(one, other):
    assert (fingerprint(one, {}) == fingerprint(other, {})) == (one == other)


def test_a_renewed_certificate_is_loaded():
    assert fingerprint({}, {"/etc/letsencrypt/live/x": b"old"}) != fingerprint({}, {"/etc/letsencrypt/live/x": b"new"})


def test_only_the_distributions_own_link_goes():
    wanted = Wanted({}, {"sites-enabled/default": "/etc/nginx/sites-available/default"})
    assert changes({"sites-enabled/default": DEFAULT}, wanted) == {"sites-enabled/default": None}
    for own in (Entry(content=b"server {}"), Entry(target="/srv/mine")):
        assert changes({"sites-enabled/default": own}, wanted) == {}


def test_actions_say_what_happens():
    changed = {"a": Entry(content=b""), "b": Entry(target="a"), "c": None}
    assert actions(changed) == ["write a", "link b", "unlink c"]


def test_a_diff_shows_no_key():
    tree = {
        "key": Entry(content=b"PRIVATE", mode=0o600),
        "site": Entry(content=b"server {}\n"),
        "link": Entry(target="x"),
    }
    text = diff_text(["key", "site", "link", "gone"], tree)
    assert "PRIVATE" not in text
    assert "server {}" in text
    assert "-> x" in text


def test_parameters_become_entries():
    params = {"files": [{"path": "a", "content": "é", "mode": "0600"}], "links": {"b": "a"}, "unlinked": {}}
    assert Wanted.from_params(params).present == {"a": Entry("é".encode(), 0o600), "b": Entry(target="a")}
