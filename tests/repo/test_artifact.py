"""What `ansible-galaxy collection build` packs."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.repo.repository import MODULES, PLAYBOOKS, ROLES, ROOT, load

STRANGERS = ("tests", "molecule", "benchmarks", ".ci", ".cache", ".venv", ".git", ".collections", ".config", "Makefile")
CACHES = (
    "__pycache__",
    ".pyc",
    "_cache",
    ".hypothesis",
    ".ansible/",
    "mastodon_secrets.yml",
    "mastodon_test_ca",
    ".tar.gz",
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in the archive."""
    target = tmp_path_factory.mktemp("build")
    tool = str(Path(sys.executable).parent / "ansible-galaxy")
    done = subprocess.run(
        [tool, "collection", "build", "--output-path", str(target)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    version = load(ROOT / "galaxy.yml")["version"]
    with tarfile.open(target / f"fediverse-mastodon-{version}.tar.gz") as archive:
        return archive.getnames()


def test_nothing_of_the_workshop_is_in_it(packed: list[str]) -> None:
    assert [name for name in packed if name.split("/")[0] in STRANGERS] == []
    assert [name for name in packed if any(part in name for part in CACHES)] == []


def test_what_an_administrator_needs_is_in_it(packed: list[str]) -> None:
    names = set(packed)
    wanted = [f"roles/{role.name}/meta/argument_specs.yml" for role in ROLES]
    wanted += [f"plugins/modules/{module.name}" for module in MODULES]
    wanted += [f"playbooks/{playbook.name}" for playbook in PLAYBOOKS]
    wanted += ["README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "inventories/single_host/hosts.yml"]
    assert [name for name in wanted if name not in names] == []


def test_it_is_small(packed: list[str]) -> None:
    assert len(packed) < 800
