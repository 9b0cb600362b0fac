"""The playbooks as an admin runs them, with no host up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import golden
from tests.conftest import ROOT

# No ssh client: a task that tried to connect would fail.
OFFLINE = {
    **os.environ,
    "ANSIBLE_CACHE_PLUGIN": "memory",
    "ANSIBLE_DEPRECATION_WARNINGS": "true",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_SSH_EXECUTABLE": "/nonexistent/ssh",
    "COLUMNS": "200",
}


def play(playbook: str, inventory: Path, *extra: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One run; extra variables as KEY=VALUE, other arguments as they are."""
    arguments = [part for word in extra for part in (("-e", word) if "=" in word else (word,))]
    return subprocess.run(
        ["ansible-playbook", f"playbooks/{playbook}.yml", "-i", str(inventory), *arguments],
        cwd=ROOT,
        env={**OFFLINE, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("layout", golden.layouts())
def test_plan_needs_no_host(layout: str, tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    done = play("plan", ROOT / "inventories" / layout, f"mastodon_plan_file={target}", "mastodon_plan_why=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr and "DEPRECAT" not in done.stdout + done.stderr
    assert json.loads(target.read_text()) == golden.plan(layout)
    assert (golden.HERE / f"{layout}.txt").read_text().strip() in done.stdout


def test_one_host_alone_has_the_whole_plan(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    done = play("plan", ROOT / "inventories" / "chaos_social", "--limit", "worker", f"mastodon_plan_file={target}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(target.read_text()) == golden.plan("chaos_social")


def test_every_problem_is_told_once_and_stops_the_run(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "mastodon:\n  vars: {mastodon_domain: nowhere, mastodon_vresion: v1}\n"
        "  children:\n    postgres: {hosts: {a: {mastodon_cpus: '{{ nope }}'}, b: }}\n"
    )
    done = play("plan", inventory)
    assert done.returncode == 2
    for words in (
        "'nowhere' is not a domain name",
        "write mastodon_version",
        "'nope' is undefined",
        "has 2 hosts (a, b)",
    ):
        assert (done.stdout + done.stderr).count(words) == 1, words
    assert "what to correct is listed above" in done.stdout


def test_an_empty_inventory_is_told() -> None:
    done = play("plan", Path(os.devnull))
    assert done.returncode == 2 and "inventories/single_host is an example to copy" in done.stdout + done.stderr


@pytest.fixture
def silent(tmp_path: Path) -> str:
    """An ssh client that reaches nobody."""
    client = tmp_path / "ssh"
    client.write_text("#!/bin/sh\necho 'No route to host' >&2\nexit 255\n")
    client.chmod(0o755)
    return str(client)


def test_preflight_names_every_host_that_does_not_answer(silent: str) -> None:
    done = play("preflight", ROOT / "inventories" / "chaos_social", ANSIBLE_SSH_EXECUTABLE=silent)
    assert done.returncode == 2
    for number, host in enumerate(("db", "main", "media", "worker"), 1):
        assert f"{number}. host {host}, ansible_host: cannot be reached" in done.stdout
    assert done.stdout.count("No route to host. Fix: check ansible_host") == 4


HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def test_survey_names_them_too_and_goes_on(silent: str) -> None:
    inventory = Path(silent).with_name("hosts.json")
    inventory.write_text(json.dumps({"mastodon": {"hosts": {"away": {}, "here": HERE}}}))
    done = play("survey", inventory, ANSIBLE_SSH_EXECUTABLE=silent)
    assert done.returncode == 0, done.stdout
    assert "# host_vars/away.yml: cannot be reached: Failed to connect to the host via ssh: No route" in done.stdout
    snippet = done.stdout.partition("# host_vars/here.yml")[2].partition("\n\n")[0]
    values = yaml.safe_load("#" + snippet)
    assert values["mastodon_cpus"] >= 1 and values["mastodon_memory_mb"] > 100
    assert values["mastodon_disk"] in ("hdd", "ssd", "nvme")


def test_preflight_passes_over_a_good_host_in_silence(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"mastodon": {"hosts": {"here": HERE}}}))
    done = play("preflight", inventory, "preflight_min_disk_mb=1")
    assert done.returncode == 0, done.stdout
    assert "The hosts are" not in done.stdout and "Note:" not in done.stdout
    done = play("preflight", inventory, "preflight_min_disk_mb=900000000")
    assert done.returncode == 2 and "900000000 MB are needed" in done.stdout
