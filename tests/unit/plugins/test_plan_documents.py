"""What the documents about the plan say: their commands run, and what they quote is what the plan prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import pytest

from tests import golden
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "docs" / "plan.md", ROOT / "docs" / "reading-the-plan.md"]
COMMAND = re.compile(r"^ansible-playbook playbooks/plan\.yml .*$", re.MULTILINE)
COMMANDS = sorted({command for document in DOCUMENTS for command in COMMAND.findall(document.read_text())})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split(" -i inventories/")[1][:40])
def test_a_command_runs(command: str) -> None:
    done = subprocess.run(
        shlex.split(command),
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CACHE_PLUGIN": "memory", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_there_are_commands_for_each_use() -> None:
    for word in ("mastodon_what_if", "mastodon_preset", "mastodon_backlog"):
        assert any(word in command for command in COMMANDS)


def test_the_plan_that_is_explained_is_the_plan() -> None:
    quoted = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "reading-the-plan.md").read_text(), re.DOTALL)
    assert len(quoted) > 5
    printed = (golden.HERE / "freeradical.txt").read_text()
    for block in quoted:
        assert block in printed
