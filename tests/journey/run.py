"""A playbook run as an admin would, timed, with what it says about itself."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from tests.e2e.cluster import ROOT, playbook

from . import inventory

RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run. changed: by host, without hosts that nothing was changed on."""

    code: int
    seconds: float
    text: str

    @property
    def changed(self) -> dict[str, int]:
        """Hosts on which something was changed, and how many tasks did."""
        return {name: int(changed) for name, _ok, changed, *_more in RECAP.findall(self.text) if int(changed)}

    def lines(self, beginning: str) -> list[str]:
        """Printed lines that begin so."""
        return [line for line in self.text.splitlines() if line.strip().startswith(beginning)]


def run(name: str, limit: str = "", **variables: Any) -> Run:
    """playbooks/NAME.yml with these extra variables."""
    began = time.monotonic()
    done = playbook(
        [str(inventory.directory())],
        str(ROOT / "playbooks" / f"{name}.yml"),
        *(["--limit", limit] if limit else []),
        *("-e", json.dumps(variables)),
        ANSIBLE_CACHE_PLUGIN="memory",
    )
    return Run(done.returncode, time.monotonic() - began, done.stdout + done.stderr)


def fine(name: str, limit: str = "", **variables: Any) -> Run:
    """A run that has to end well."""
    done = run(name, limit, **variables)
    assert done.code == 0, done.text
    return done
