"""The installation under test: its plan, addresses, secrets and certificate authority."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, eq=False)
class Cluster:
    """What the inventory leads to."""

    inventory: tuple[str, ...]
    plan: dict[str, Any]
    addresses: dict[str, str]  # of the plain network, by host; all hosts of the inventory
    secrets_file: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The plan's part about the whole cluster."""
        found: dict[str, Any] = self.plan["cluster"]
        return found

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """The plan's part about each host."""
        found: dict[str, dict[str, Any]] = self.plan["hosts"]
        return found

    @property
    def entry(self) -> str:
        """The plain address of the first nginx host."""
        return self.addresses[self.settings["hosts"]["nginx"][0]]

    @property
    def names(self) -> list[str]:
        """Public names that lead to the entry."""
        return [self.settings["web_domain"], self.settings["media_domain"]]

    @property
    def gateway(self) -> str:
        """This machine in the lab's plain network, as the hosts see it."""
        return self.entry.rsplit(".", 1)[0] + ".1"

    @property
    def authority(self) -> Path:
        """The certificate of the test authority."""
        return self.secrets_file.parent / "mastodon_test_ca" / "ca.pem"

    @property
    def secrets(self) -> dict[str, str]:
        """Made by the first run."""
        found: dict[str, str] = yaml.safe_load(self.secrets_file.read_text())["mastodon_secrets"]
        return found

    def with_role(self, role: str) -> list[str]:
        """Hosts that the plan gives this role."""
        return sorted(name for name, share in self.hosts.items() if role in share["roles"])


def command(program: str, inventory: Iterable[str], *arguments: str, **environment: str) -> Done:
    """Run a program of this environment's Ansible from the checkout, the collection found through its link."""
    given = [part for source in inventory for part in ("-i", source)]
    return subprocess.run(
        [str(Path(sys.executable).parent / program), *given, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "NO_COLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            **environment,
        },
    )


def playbook(inventory: Iterable[str], *arguments: str, **environment: str) -> Done:
    """Run ansible-playbook."""
    return command("ansible-playbook", inventory, *arguments, **environment)


def describe(*inventory: str) -> Cluster:
    """Ask Ansible for the plan and the addresses."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "cluster.json"
        done = playbook(
            inventory, str(ROOT / "tests" / "e2e" / "describe.yml"), E2E_OUT=str(out), ANSIBLE_CACHE_PLUGIN="memory"
        )
        if done.returncode:
            raise RuntimeError(f"the inventory {', '.join(inventory)} cannot be described:\n{done.stdout}{done.stderr}")
        found = json.loads(out.read_text())
    return Cluster(tuple(inventory), found["plan"], found["addresses"], Path(found["secrets_file"]))
