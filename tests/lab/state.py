"""What a running lab is, as a file; docker has the rest."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .network import Networks
from .paths import lab_dir


@dataclass
class Placed:
    """A host of a running lab. plain: where this machine reaches it, at a site its address there; no cluster: empty."""

    plain: str
    cluster: str
    fingerprint: str
    site: str = ""


@dataclass
class State:
    """A running lab."""

    name: str
    networks: Networks
    created: float = field(default_factory=time.time)
    hosts: dict[str, Placed] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return lab_dir(self.name)

    @property
    def key(self) -> Path:
        """The throw-away private key."""
        return self.directory / "key"

    @property
    def inventory(self) -> Path:
        """The connection inventory, also kept here for `list` and people."""
        return self.directory / "zz_lab.yml"

    def save(self) -> None:
        """Write the state file, whole or not at all."""
        partial = self.directory / "state.json.partial"
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.replace(self.directory / "state.json")


def load(name: str) -> State | None:
    """The state of a lab; None when there is none or its file is broken, which `up` then cleans."""
    try:
        content = json.loads((lab_dir(name) / "state.json").read_text())
        hosts = {host: Placed(**placed) for host, placed in content["hosts"].items()}
        return State(content["name"], Networks(**content["networks"]), content["created"], hosts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
