"""Commands that the documents show exist; links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.repo.repository import ROOT, load, tracked

DOCUMENTS = [path for path in tracked("*.md") if "roles" not in path.parts and "tests" not in path.parts]
TARGETS = set(re.findall(r"^([a-z][a-z-]*(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
TARGETS = {name for line in TARGETS for name in line.split()}


def commands(document: Path) -> list[str]:
    """Lines in fences marked `sh`, continuation lines joined, comments cut."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL))
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def complaint(command: str) -> str:
    """What is wrong with a command, or nothing."""
    words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=.*", word)]
    if words[:1] == ["make"]:
        missing = [word for word in words[1:] if not word.startswith("-") and word not in TARGETS]
        return f"no such make target: {missing}" if missing else ""
    if words[:1] == ["ansible-playbook"]:
        playbook = next(word for word in words[1:] if word.endswith(".yml") or word.startswith("fediverse.mastodon."))
        ours = re.fullmatch(r"fediverse\.mastodon\.(\w+)", playbook)
        path = ROOT / "playbooks" / f"{ours.group(1)}.yml" if ours else ROOT / playbook
        return "" if path.is_file() else f"no such playbook: {playbook}"
    if words[:1] == ["ansible-doc"]:
        roles = [word.rsplit(".", 1)[1] for word in words if word.startswith("fediverse.mastodon.")]
        kinds = ("roles/{}", "plugins/modules/{}.py", "plugins/filter/{}.py")
        missing = [name for name in roles if not any((ROOT / kind.format(name)).exists() for kind in kinds)]
        return f"nothing called {missing}" if missing else ""
    if re.match(r"(\.venv/bin/)?python3?$", words[0]) and words[1:2] == ["-m"]:
        path = ROOT.joinpath(*words[2].split("."))
        return "" if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() else f"no module {words[2]}"
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(document: Path) -> None:
    assert [f"{command}: {problem}" for command in commands(document) if (problem := complaint(command))] == []


def test_the_readme_shows_its_two_commands() -> None:
    assert {"make demo", "make test"} <= set(commands(ROOT / "README.md"))


def test_a_wrong_command_would_be_found() -> None:
    assert complaint("make nonsense") and complaint("ansible-playbook -i x playbooks/nonsense.yml")
    assert not complaint("make test SCENARIOS=x")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_every_make_target_says_what_it_does() -> None:
    phony = {
        name
        for line in re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for name in line.split()
    }
    told = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert sorted(phony - told) == []


def test_versions_agree() -> None:
    version = load(ROOT / "galaxy.yml")["version"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
    assert version in (ROOT / "CHANGELOG.md").read_text()
