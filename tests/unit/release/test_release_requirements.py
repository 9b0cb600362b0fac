"""Ruby's and npm's requirements against what is installed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._release import requirements


@pytest.mark.parametrize(
    ("have", "requirement", "fits"),
    [
        ("3.3.8", ">= 3.3.0, < 4.1.0", True),
        ("3.1.2", ">= 3.3.0, < 4.1.0", False),
        ("4.1.0", ">= 3.3.0, < 4.1.0", False),
        ("3.3.8", "~> 3.3.0", True),
        ("3.4.0", "~> 3.3.0", False),
        ("v20.19.2", ">=22", False),
        ("v24.17.0", ">=22", True),
        ("22.11.0", "^20.19 || >=22.12", False),
        ("20.19.2", "^20.19 || >=22.12", True),
        ("22.1.0", "22.x", True),
        ("23.1.0", "22.x", False),
        ("18.0.0", "*", True),
        ("18.0.0", "", True),
        ("", ">= 3", False),
    ],
)
def test_satisfies(have: str, requirement: str, fits: bool) -> None:
    assert requirements.satisfies(requirements.version(have), requirement) is fits


def test_requirements_are_read_from_the_source() -> None:
    gemfile = "source 'https://gems.example'\nruby '>= 3.3.0', '< 4.1.0'\ngem 'puma'\n"
    assert requirements.ruby_requirement(gemfile, "4.0.5") == ">= 3.3.0, < 4.1.0"
    assert requirements.ruby_requirement("ruby file: '.ruby-version'\n", "ruby-4.0.5\n") == "= 4.0.5"
    assert requirements.ruby_requirement("gem 'ruby-vips'\n", "4.0.5") == ""
    assert requirements.node_requirement(json.dumps({"engines": {"node": ">=22"}})) == ">=22"
    assert requirements.node_requirement("{}") == requirements.node_requirement("") == ""


def test_too_old_a_ruby_is_refused_with_what_to_set() -> None:
    verdict = requirements.judge_ruby("main", "3.1.2", ">= 3.3.0, < 4.1.0", "4.0.5\n")
    for part in ("main", "3.1.2", ">= 3.3.0", "mastodon_ruby", "version: 4.0.5"):
        assert part in verdict.refusal


def test_node_20_runs_streaming_and_18_does_not() -> None:
    assert "mastodon_node" in requirements.judge_node("main", "20.19.2", ">=22").warning
    assert "mastodon_node" in requirements.judge_node("main", "18.19.0", ">=22").refusal
    assert "is missing" in requirements.judge_node("main", "", ">=22").refusal
    assert requirements.judge_node("main", "24.1.0", ">=22") == requirements.Verdict()
