"""add_worker, remove_worker and surge with no host up: what is refused before anything is touched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.unit.plugins.test_plan_playbooks import play

PI = ROOT / "inventories" / "freeradical"
# What stands in front of every task that would connect.
TOUCHED = ("UNREACHABLE", "Take the lock", "Knock")


def refused(playbook: str, *extra: str, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """It ends with a failure that says these words, before it reached for a host."""
    done = play(playbook, PI, *extra)
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    for word in words:
        assert word in told, told
    assert not any(word in told for word in TOUCHED), told
    assert "[WARNING]" not in told.replace("Could not match supplied host pattern", "") or "DEPRECAT" not in told
    return done


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ((), ("Pass -e worker=NAME",)),
        (("worker=pie",), ("pie: no such host", "Did you mean pi?")),
        (("worker=cloud",), ("cloud: is also in nginx, puma, streaming", "site.yml")),
        (("worker=home",), ("home: is not in group sidekiq_workers",)),
        (("worker=pi,pie",), ("pie: no such host",)),
    ],
)
def test_who_cannot_join(extra: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused("add_worker", *extra, words=(*words, "Nothing was done"))


@pytest.fixture
def silent(tmp_path: Path) -> str:
    """An ssh client that reaches nobody."""
    client = tmp_path / "ssh"
    client.write_text("#!/bin/sh\necho 'No route to host' >&2\nexit 255\n")
    client.chmod(0o755)
    return str(client)


def test_a_join_shows_what_it_changes_before_it_connects(silent: str) -> None:
    done = play("add_worker", PI, "worker=pi", ANSIBLE_SSH_EXECUTABLE=silent)
    assert done.returncode == 2
    assert "without it and with pi" in done.stdout and "pi is new:" in done.stdout
    assert done.stdout.index("pi is new:") < done.stdout.index("Knock")
    for host in ("home", "cloud"):
        assert f"{host}: not reached; it does its part in its own next run." in done.stdout
    assert "home: not reached, and nobody joins without the database" in done.stdout
    assert "Be the only run" not in done.stdout


def test_a_leave_names_who_is_missing(silent: str) -> None:
    done = play("remove_worker", PI, "worker=pi", "confirm=pi", ANSIBLE_SSH_EXECUTABLE=silent)
    assert done.returncode == 2 and "home: not reached, and the doors are there." in done.stdout
    assert "Take the lock" not in done.stdout


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ((), ("Pass -e worker=NAME",)),
        (("worker=pi",), ("nobody confirmed it", "-e confirm=pi")),
        (("worker=pi", "confirm=cloud"), ("confirm is 'cloud'",)),
        (("worker=pie", "confirm=pie"), ("pie: no such host",)),
        (("worker=pi,cloud", "confirm=pi"), ("one host leaves at a time",)),
    ],
)
def test_who_cannot_leave(extra: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused("remove_worker", *extra, words=(*words, "Nothing was done"))


def status(*instances: tuple[str, str, list[str]]) -> dict[str, Any]:
    return {"instances": [{"host": host, "state": state, "queues": queues} for host, state, queues in instances]}


def test_a_recorded_status_can_refuse(tmp_path: Path) -> None:
    recorded = tmp_path / "status.json"
    recorded.write_text(
        json.dumps(
            status(
                ("pi", "takes jobs", ["push", "pull"]), ("cloud", "quiet", ["push"]), ("cloud", "takes jobs", ["pull"])
            )
        )
    )
    refused("remove_worker", "worker=pi", "confirm=pi", f"status_file={recorded}", words=("queue push would be left",))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ((), ("Pass -e queue=NAME",)),
        (("queue=push", "instances=1", "for=soon"), ("for=soon: give a time",)),
        (("queue=psh", "instances=1", "for=2h"), ("queue=psh: there is no such queue. Did you mean push?",)),
        (("queue=scheduler", "instances=1", "for=2h"), ("exactly one process may have it",)),
        (("queue=push", "instances=0", "for=2h"), ("instances=0: give 1 or more",)),
    ],
)
def test_what_is_no_surge(extra: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused("surge", *extra, words=words)


def test_a_join_has_the_roles_default_of_the_private_queue() -> None:
    """It asks for a job of its own also where the role has nothing to do, and so cannot say its default."""
    defaults = yaml.safe_load((ROOT / "roles" / "sidekiq_workers" / "defaults" / "main.yml").read_text())
    text = (ROOT / "playbooks" / "add_worker.yml").read_text()
    assert f"sidekiq_workers_probe | default({str(defaults['sidekiq_workers_probe']).lower()})" in text
