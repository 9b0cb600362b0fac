"""add_worker.yml and remove_worker.yml on this machine, with every role and module that would touch a host replaced.

What is real: the playbooks, the plan, all filters, the lock, the journal. What is not: roles do nothing, and the
modules write down that they were called, and fail where a test says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

ROLES = ("common", "wireguard", "pgbouncer", "relay", "mastodon", "sidekiq_workers", "preflight", "nginx")
MODULES = ("worker_access", "sidekiq_worker", "wireguard_mesh")
MODULE = """#!/usr/bin/python
DOCUMENTATION = ""
import json, os
from ansible.module_utils.basic import AnsibleModule, _load_params
import ansible.module_utils.basic as basic

given = {key: value for key, value in _load_params().items() if not key.startswith("_ansible")}
book = json.load(open(os.environ["FLOW"]))
who = given.get("worker") or given.get("name")
words = [given["service"], who, given["state"]] if given.get("service") else [given.get("state"), who]
call = " ".join(["NAME", *(str(word) for word in words if word)])
with open(book["calls"], "a") as calls:
    calls.write(call + "\\n")
module = AnsibleModule(argument_spec={key: {"type": "raw", "no_log": False} for key in given})
answer = dict(book["answers"].get(call, {}))
if answer.pop("fail", False):
    module.fail_json(msg="the test says no", **answer)
module.exit_json(**{"changed": False, "notes": [], **answer})
"""


@dataclass
class Flow:
    """One place with an inventory of db, main, worker and pi."""

    here: Path
    running: bool = False
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        collection = self.here / "collections" / "ansible_collections" / "fediverse" / "mastodon"
        (collection / "roles").mkdir(parents=True)
        shutil.copytree(ROOT / "plugins", collection / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "meta", collection / "meta")
        shutil.copytree(ROOT / "playbooks", collection / "playbooks")
        shutil.copy(ROOT / "galaxy.yml", collection)
        shutil.copytree(ROOT / "roles" / "plan", collection / "roles" / "plan")
        for name in ROLES:
            (collection / "roles" / name / "tasks").mkdir(parents=True)
            (collection / "roles" / name / "defaults").mkdir()
            (collection / "roles" / name / "tasks" / "main.yml").write_text("---\n[]\n")
        self.roles = roles = collection / "roles"
        # What a play shares out is read here, so that it has to be there.
        (roles / "pgbouncer" / "tasks" / "pools.yml").write_text(
            '---\n- debug: {msg: "pools {{ inventory_hostname }} {{ pgbouncer_pools | to_json }}"}\n'
        )
        (roles / "nginx" / "tasks" / "reconfigure.yml").write_text("---\n[]\n")
        (roles / "sidekiq_workers" / "defaults" / "main.yml").write_text("---\nsidekiq_workers_probe: true\n")
        secrets = (
            "- set_fact: {mastodon_secrets: {secret_key_base: k, worker_seed: "
            + "s" * 40
            + ", postgres_password: p, redis_password: r}}\n"
        )
        (roles / "mastodon" / "tasks" / "secrets.yml").write_text(f"---\n{secrets}")
        for name in MODULES:
            (collection / "plugins" / "modules" / f"{name}.py").write_text(MODULE.replace("NAME", name))
        self.playbooks = collection / "playbooks"
        for name in ("bin", "group_vars"):
            (self.here / name).mkdir()
        # What is declared is not measured: the addresses below are nobody's.
        size = {"mastodon_cpus": 4, "mastodon_memory_mb": 8192, "mastodon_db_rtt_ms": 0.5}
        hosts = {
            f"{name}": {"mastodon_address": f"10.40.0.{number}", **size}
            for number, name in enumerate(("main", "db", "worker", "pi"), 1)
        }
        groups = {
            "postgres": ["db"],
            "redis": ["main"],
            "puma": ["main"],
            "streaming": ["main"],
            "nginx": ["main"],
            "sidekiq_workers": ["main", "worker", "pi"],
        }
        inventory = {
            "mastodon": {
                "vars": {
                    "mastodon_domain": "social.example.org",
                    "mastodon_admin_email": "admin@example.org",
                    # No key at a store; the test that wants one declares it.
                    "mastodon_worker_identity": "shared",
                    "ansible_connection": "local",
                    "ansible_become": False,
                    "ansible_python_interpreter": sys.executable,
                },
                "hosts": hosts,
                "children": {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()},
            }
        }
        self.inventory = self.here / "hosts.yml"
        self.inventory.write_text(yaml.safe_dump(inventory))
        self.calls_file, self.book = self.here / "calls", self.here / "book.json"
        self.journal = self.here / "group_vars" / "mastodon_worker_journal.yml"
        self.lock = self.here / ".fediverse-mastodon.lock"

    def declare(self, name: str, variables: dict[str, Any], group: str = "") -> None:
        """Variables of a host, new or not, and a group of it."""
        text = yaml.safe_load(self.inventory.read_text())
        text["mastodon"]["hosts"].setdefault(name, {}).update(variables)
        if group:
            text["mastodon"]["children"][group] = {"hosts": {name: None}}
        self.inventory.write_text(yaml.safe_dump(text))

    def run(self, playbook: str, *extra: str) -> subprocess.CompletedProcess[str]:
        """One run of a playbook."""
        self.calls_file.write_text("")
        self.book.write_text(json.dumps({"calls": str(self.calls_file), "answers": self.answers}))
        systemctl = self.here / "bin" / "systemctl"
        line = "mastodon-sidekiq@main.service loaded active running" if self.running else ""
        systemctl.write_text(f"#!/bin/sh\necho '{line}'\n" if line else "#!/bin/sh\n")
        systemctl.chmod(0o755)
        return subprocess.run(
            ["ansible-playbook", "-i", str(self.inventory), str(self.playbooks / f"{playbook}.yml")]
            + [word for one in (*extra, f"worker_lock_file={self.here}/run.lock") for word in ("-e", one)],
            cwd=self.here,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "FLOW": str(self.book),
                "PATH": f"{self.here / 'bin'}:{os.environ['PATH']}",
                "ANSIBLE_COLLECTIONS_PATH": str(self.here / "collections"),
                "ANSIBLE_CACHE_PLUGIN": "memory",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_LOCAL_TEMP": str(self.here / "tmp"),
                "COLUMNS": "200",
            },
        )

    def calls(self) -> list[str]:
        """What the modules were called for, in order."""
        return self.calls_file.read_text().splitlines()

    def written(self) -> dict[str, Any]:
        """The journal."""
        return yaml.safe_load(self.journal.read_text())["mastodon_worker_journal"] if self.journal.exists() else {}
