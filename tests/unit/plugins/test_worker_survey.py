"""The tasks that measure how far a joining host is, on this machine: once, kept, planned with, forgotten."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.unit.plugins.test_plan_playbooks import OFFLINE

SIZE = {"mastodon_cpus": 4, "mastodon_memory_mb": 8192}
PLAYBOOK = f"""
- name: Survey
  hosts: "{{{{ joining }}}}"
  connection: local
  gather_facts: false
  tasks:
    - name: Measure
      ansible.builtin.include_tasks: {ROOT}/playbooks/tasks/worker_survey.yml

- name: Plan
  hosts: mastodon
  gather_facts: false
  roles:
    - role: fediverse.mastodon.plan
  tasks:
    - name: Show
      ansible.builtin.debug:
        msg: "threads {{{{ mastodon_plan.hosts.pi.sidekiq_workers | map(attribute='threads') | sum }}}}"
      when: inventory_hostname == "pi"

- name: Leave
  hosts: main
  connection: local
  gather_facts: false
  tasks:
    - name: Forget
      ansible.builtin.include_tasks: {ROOT}/playbooks/tasks/worker_measured_gone.yml
      when: worker is defined
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    hosts: dict[str, Any] = {
        # There is no tunnel yet: the way to its other end is measured, to this machine. A refusal is an answer too.
        "main": {**SIZE, "mastodon_address": "10.40.0.1", "wireguard_endpoint": "127.0.0.2"},
        "pi": {**SIZE, "mastodon_address": "10.40.0.9"},
        "near": {**SIZE, "mastodon_address": "10.40.0.8", "mastodon_db_rtt_ms": 0.5},
    }
    groups = {role: {"hosts": {"main": {}}} for role in ("postgres", "redis", "puma", "streaming", "nginx")}
    groups["sidekiq_workers"] = {"hosts": {host: {} for host in hosts}}
    cluster = {
        "mastodon_domain": "social.example.org",
        "mastodon_admin_email": "admin@example.org",
        "ansible_python_interpreter": sys.executable,
        "mastodon_network": "wireguard",
        "wireguard_networks": ["10.40.0.0/24"],
        "wireguard_topology": "hub_spoke",
        "wireguard_hub": "{{ inventory_hostname == 'main' }}",
    }
    everything = {"mastodon": {"hosts": hosts, "children": groups, "vars": cluster}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(everything))
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    return tmp_path


def play(inventory: Path, *options: str, **variables: Any) -> str:
    done = subprocess.run(
        [
            *("ansible-playbook", "-i", str(inventory / "hosts.yml"), str(inventory / "play.yml"), *options),
            *("-e", json.dumps({"joining": "pi:near", **variables})),
        ],
        cwd=ROOT,
        env=OFFLINE,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0 and "[WARNING]" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.stdout


def test_a_host_is_measured_once_and_planned_with_that(inventory: Path) -> None:
    file = inventory / "group_vars" / "mastodon_measured.yml"
    assert "ms to main (database)" in play(inventory, "--check") and not file.exists()
    first = play(inventory)
    assert "ms to main (redis), by 127.0.0.2 port" in first and "near: " not in first.partition("PLAY [Plan]")[0]
    known = yaml.safe_load(file.read_text())["mastodon_measured"]
    assert list(known) == ["pi"] and 0.1 <= known["pi"]["mastodon_db_rtt_ms"] < 100
    # As if it had been far: what is written down counts, and nothing is measured again.
    file.write_text("mastodon_measured: {pi: {mastodon_db_rtt_ms: 45.0}}\n")
    text = file.read_text()
    second = play(inventory)
    assert "ms to main" not in second and file.read_text() == text
    near, far = (int(re.findall(r'"msg": "threads (\d+)"', done)[0]) for done in (first, second))
    assert far > near, "a job that waits 45 ms for each query needs more threads beside it"
    play(inventory, worker="pi", joining="near")
    assert yaml.safe_load(file.read_text()) == {"mastodon_measured": {}}
