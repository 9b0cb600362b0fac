# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release asks of Ruby and Node, and whether what is installed will do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Version = tuple[int, ...]

# The streaming server of 4.6 was run with Debian 13's 20.19 although package.json asks for 22; of what is older,
# nothing is known to work.
NODE_KNOWN_TO_RUN: Version = (20, 19)


def version(text: str) -> Version:
    """The leading number of a version: `v20.19.2` is (20, 19, 2)."""
    found = re.match(r"^\s*(?:ruby-|v)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _compare(left: Version, right: Version) -> int:
    length = max(len(left), len(right))
    a, b = left + (0,) * (length - len(left)), right + (0,) * (length - len(right))
    return (a > b) - (a < b)


def _holds(have: Version, operator: str, want: Version) -> bool:
    order = _compare(have, want)
    if operator in ("", "="):
        # `22` and `22.x` mean every 22.
        return have[: len(want)] == want
    if operator == "~>":
        return order >= 0 and have[: len(want) - 1] == want[:-1]
    if operator == "^":
        return order >= 0 and have[:1] == want[:1]
    if operator == "~":
        return order >= 0 and have[: min(2, len(want))] == want[:2]
    return {">=": order >= 0, ">": order > 0, "<=": order <= 0, "<": order < 0, "!=": order != 0}[operator]


def satisfies(have: Version, requirement: str) -> bool:
    """Ruby's comma-separated and npm's `||` and blank-separated requirements."""
    if not requirement.strip():
        return True
    for alternative in requirement.split("||"):
        terms = re.findall(r"(>=|<=|~>|!=|[<>=^~]?)\s*v?(\d+(?:\.\d+)*)(?:\.[x*])*", alternative)
        if terms and all(_holds(have, operator, version(number)) for operator, number in terms):
            return True
        if alternative.strip() == "*":
            return True
    return False


def ruby_requirement(gemfile: str, pin: str) -> str:
    """The Gemfile's `ruby` line; empty when it names none. `ruby file: '.ruby-version'` is the pin itself."""
    found = re.search(r"^\s*ruby[\s(]+(.+?)\)?\s*$", gemfile, re.MULTILINE)
    if not found:
        return ""
    if "file:" in found[1]:
        return f"= {'.'.join(map(str, version(pin)))}" if version(pin) else ""
    return ", ".join(re.findall(r"['\"]([^'\"]+)['\"]", found[1]))


def node_requirement(package_json: str) -> str:
    """`engines.node`; empty when there is none."""
    if not package_json:
        return ""
    engines: Any = json.loads(package_json).get("engines") or {}
    return str(engines.get("node", ""))


@dataclass(frozen=True)
class Verdict:
    """`refusal`: it cannot work. `warning`: it is outside of what the release declares."""

    refusal: str = ""
    warning: str = ""


def judge_ruby(host: str, have: str, requirement: str, pin: str) -> Verdict:
    if satisfies(version(have), requirement):
        return Verdict()
    wanted = pin.strip() or "<version>"
    return Verdict(
        refusal=f"{host}: Ruby {have or 'is missing'}, but this release asks for {requirement}. Set mastodon_ruby to "
        f"{{method: ruby_build, version: {wanted}}}, or to {{method: archive, url: …, checksum: sha256:…}} or "
        "{method: directory, path: …} with such a Ruby."
    )


def judge_node(host: str, have: str, requirement: str) -> Verdict:
    if satisfies(version(have), requirement):
        return Verdict()
    fix = "set mastodon_node to {method: archive, url: …, checksum: sha256:…} or {method: directory, path: …}"
    if _compare(version(have), NODE_KNOWN_TO_RUN) >= 0:
        return Verdict(
            warning=f"{host}: Node {have}, but this release declares {requirement}. Streaming is known to run with it; "
            f"to be safe, {fix}."
        )
    return Verdict(refusal=f"{host}: Node {have or 'is missing'}, but this release asks for {requirement}: {fix}.")
