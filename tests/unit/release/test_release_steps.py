"""From a source tree to commands, parts and a stamp."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import building, stamp, steps

LOCKED = {
    "package.json": json.dumps({"packageManager": "yarn@4.16.0"}),
    "yarn.lock": "__metadata:\n",
    "streaming/package.json": json.dumps({"name": "@mastodon/streaming", "dependencies": {"ws": "^8"}}),
}


def argv(files: dict[str, str]) -> list[str]:
    return [" ".join(step.argv) for step in steps.build_steps(files, jobs=4)]


def test_mastodons_tree() -> None:
    assert argv(LOCKED) == [
        "bundle config set --local deployment true",
        "bundle config set --local without development test",
        "bundle install --jobs 4",
        "corepack yarn install --immutable",
        "bundle exec rails assets:precompile",
        "corepack yarn workspaces focus --production @mastodon/streaming",
    ]


def test_a_tree_with_its_own_yarn_needs_no_corepack() -> None:
    words = argv({**LOCKED, ".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.9.2.cjs\n"})
    assert "node .yarn/releases/yarn-4.9.2.cjs install --immutable" in words
    assert not [line for line in words if "corepack" in line]


def test_without_a_lock_file_nothing_is_installed_by_yarn() -> None:
    assert not [line for line in argv({"package.json": "{}"}) if "yarn" in line]


def test_only_the_assets_are_built_without_secrets_and_database() -> None:
    built = {step.name: step.environment for step in steps.build_steps(LOCKED, jobs=1)}
    assert built["Build the assets"]["SECRET_KEY_BASE_DUMMY"] == "1"
    assert built["Build the assets"]["RAILS_ENV"] == "production"
    assert not [name for name, more in built.items() if "SECRET_KEY_BASE_DUMMY" in more and name != "Build the assets"]


def test_streaming_packs_its_own_node_modules_and_a_finished_release_those_it_has() -> None:
    assert steps.parts(LOCKED, node_modules=False)["streaming"]["directory"] == "streaming-tree"
    assert steps.parts(LOCKED, node_modules=True)["streaming"]["directory"] == "tree"
    assert steps.parts({}, node_modules=False)["streaming"]["directory"] == "tree"


@pytest.mark.parametrize(
    ("tree", "node", "parts"),
    [
        ("app", False, ["app"]),
        ("app", True, ["app", "streaming"]),
        ("streaming", True, ["streaming"]),
        ("public", False, ["public"]),
    ],
)
def test_parts_of_a_host(tree: str, node: bool, parts: list[str]) -> None:
    assert stamp.wanted_parts(tree, node) == parts


def test_fingerprint_depends_on_content_not_on_order() -> None:
    assert stamp.fingerprint({"a": 1, "b": [2]}) == stamp.fingerprint({"b": [2], "a": 1})
    assert stamp.fingerprint({"a": 1}) != stamp.fingerprint({"a": 2})


def test_credentials_in_an_address_do_not_get_into_the_stamp() -> None:
    shown = stamp.shown_source({"kind": "git", "location": "https://me:secret@git.example/m.git?token=hidden"})
    assert shown == {"kind": "git", "location": "https://git.example/m.git"}


def test_which_releases_go() -> None:
    times = {"v1": 1.0, "v2": 2.0, "v3": 3.0, "v4": 4.0}
    assert stamp.superfluous(times, "v4", 3) == ["v1"]
    assert stamp.superfluous(times, "v1", 2) == ["v2", "v3"]
    assert stamp.superfluous(times, "v4", 1) == ["v1", "v2", "v3"]
    assert stamp.superfluous(times, "v4", 9) == []


def test_distribution() -> None:
    assert building.distribution('NAME="Debian"\nID=debian\nVERSION_ID="13"\n') == "debian-13"
