"""Playbooks: they say what they gather and when they stop, and parse without a murmur."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import KNOWN

from tests.repo.repository import INVENTORIES, PLAYBOOKS, ROOT, named, plays, tasks

ALL = [*PLAYBOOKS, ROOT / "site.yml", *sorted(ROOT.glob("molecule/*/*.yml"))]
ALL = [path for path in ALL if path.name not in {"molecule.yml", "lab.yml"} and plays(path)]
INCLUDE = "ansible.builtin.include_tasks"
each_playbook = pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))


def test_the_promised_playbooks_are_there() -> None:
    promised = {"plan.yml", "preflight.yml", "site.yml", "survey.yml", "verify.yml", "status.yml"}
    promised |= {"add_worker.yml", "remove_worker.yml", "surge.yml"}
    assert promised <= {path.name for path in PLAYBOOKS}


def test_a_join_grants_inside_of_what_takes_it_back() -> None:
    """Nobody is let in outside of the block whose failure is remembered; then doors are shut, and the lock is free."""
    every = plays(ROOT / "playbooks" / "add_worker.yml")
    order = [play["name"] for play in every]
    at = order.index("Join")
    join, undo = every[at], every[at + 1]
    assert undo["name"] == "Take back what was granted to those that did not join"

    def doors(items: list[dict[str, Any]]) -> list[str]:
        inside = [one for item in items for one in item.get("block", [item])]
        return [item["vars"]["__doors_state"] for item in inside if "worker_doors.yml" in str(item.get(INCLUDE, ""))]

    (block,) = [task for task in join["tasks"] if "block" in task]
    assert [task[INCLUDE] for task in block["block"]] == ["tasks/worker_join.yml"] and block["rescue"]
    assert doors(tasks(ROOT / "playbooks" / "tasks" / "worker_join.yml")) == ["present"]
    assert doors(undo["tasks"]) == ["absent"]
    assert [play["name"] for play in every if play is not undo and doors(play.get("tasks", []))] == []
    # A play that loses all its hosts ends the run: one host more cannot be lost.
    assert all("localhost" in play["hosts"].split(":") for play in (join, undo))
    last = every[-1]["tasks"][0]
    assert last["fediverse.mastodon.run_lock"]["state"] == "absent" and "when" not in last


def test_what_a_run_publishes_is_no_slip_in_an_inventory() -> None:
    """A plan that is made later in the same run sees these facts beside the settings."""
    files = [*PLAYBOOKS, *ROOT.glob("playbooks/tasks/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]
    facts = {key for path in files for task in tasks(path) for key in task.get("ansible.builtin.set_fact") or {}}
    assert "mastodon_secrets" in facts
    assert sorted(key for key in facts if key.startswith("mastodon_") and key not in KNOWN) == []


@each_playbook
def test_plays_say_what_they_gather_and_when_they_stop(path: Path) -> None:
    silent = []
    for play in plays(path):
        if "ansible.builtin.import_playbook" in play:
            continue
        wanted = ["gather_facts", "any_errors_fatal"] if path in PLAYBOOKS else ["gather_facts"]
        silent += [f"{play.get('name')}: {key}" for key in wanted if not isinstance(play.get(key), bool)]
    assert silent == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=named)
def test_plays_have_roles_or_tasks_not_both(path: Path) -> None:
    assert [play["name"] for play in plays(path) if "roles" in play and "tasks" in play] == []


@each_playbook
def test_names_are_sentences(path: Path) -> None:
    named_badly = [item.get("name") for item in tasks(path) if not re.match(r"[A-Z]", str(item.get("name", "")))]
    assert named_badly == []


@each_playbook
def test_failures_are_not_swallowed(path: Path) -> None:
    if path.name == "survey.yml":  # tells of every host what it can; one that does not answer is part of the table
        return
    hidden = [task.get("name") for task in tasks(path) if task.get("ignore_errors") or task.get("failed_when") is False]
    assert hidden == []


@each_playbook
def test_imported_playbooks_exist(path: Path) -> None:
    for play in plays(path):
        target = play.get("ansible.builtin.import_playbook")
        if target is None:
            continue
        ours = re.fullmatch(r"fediverse\.mastodon\.(\w+)", target)
        assert (ROOT / "playbooks" / f"{ours.group(1)}.yml" if ours else path.parent / target).is_file()


@pytest.mark.parametrize("path", [*PLAYBOOKS, ROOT / "site.yml"], ids=named)
def test_it_parses_without_a_warning(path: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "--syntax-check",
            *(part for inventory in INVENTORIES[:1] for part in ("-i", str(inventory))),
            str(path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "true"},
    )
    assert done.returncode == 0, done.stderr
    # Groups that the plan makes are not there before it ran.
    murmur = [line for line in done.stderr.splitlines() if line and "ignoring: mastodon_on_" not in line]
    assert murmur == []


def test_the_collection_is_found_through_its_link() -> None:
    link = ROOT / ".collections" / "ansible_collections" / "fediverse" / "mastodon"
    assert link.is_symlink() and not os.path.isabs(os.readlink(link))
    assert (link / "galaxy.yml").samefile(ROOT / "galaxy.yml")
