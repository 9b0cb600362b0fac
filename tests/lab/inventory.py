"""Reading the inventory's host names and writing the connection inventory."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import LabError

WRITTEN = (
    *("ansible_host", "ansible_user", "ansible_ssh_private_key_file", "ansible_ssh_common_args"),
    *("ansible_python_interpreter", "mastodon_address", "mastodon_secrets_file", "minio_binary"),
    "wireguard_registry_file",
)
LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Named:
    """What the lab needs of an inventory."""

    hosts: list[str]
    minio: list[str]


def unreadable(warnings: str, error: str) -> str:
    """One sentence from the many in which Ansible says that it cannot parse an inventory."""
    place = re.search(r"Origin: (\S+:\d+:\d+)", warnings)
    reason = re.search(r"YAML parsing failed: (.*)", warnings)
    if place and reason:
        return f"the inventory cannot be read: {reason.group(1).rstrip('.')} at {place.group(1)}; correct it there"
    return f"the inventory cannot be read: {error.rstrip('.')}; correct the file"


def read(sources: list[Path]) -> Named:
    """Host names and members of the group `minio`. Variables are not read: they may be vaulted."""
    if not sources:
        return Named([], [])
    for source in sources:
        if not source.exists():
            raise LabError(f"inventory {source} does not exist; pass an existing file or directory to --inventory")
    from ansible import constants
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    # Ansible skips what it cannot parse; a lab without the hosts that somebody misspelt is worse than an error.
    constants.INVENTORY_ANY_UNPARSED_IS_FAILED = True
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            manager = InventoryManager(loader=DataLoader(), sources=[str(source.resolve()) for source in sources])
    except AnsibleError as problem:
        raise LabError(unreadable(told.getvalue(), " ".join(str(problem).split()))) from None
    sys.stderr.write(told.getvalue())
    groups = manager.get_groups_dict()
    names = [str(host.name) for host in manager.get_hosts() if host.name not in LOCAL]
    return Named(names, [str(name) for name in groups.get("minio", []) if name not in LOCAL])


def masked(sources: list[Path], hosts: list[str], written: set[str]) -> str | None:
    """A `host_vars` file beside the inventory that wins over what the lab writes, as one sentence.

    Host variables of an inventory file, which is what the lab writes, lose to every `host_vars` directory.
    """
    for source in sources:
        directory = (source if source.is_dir() else source.parent) / "host_vars"
        for host in hosts:
            found = [directory / f"{host}{suffix}" for suffix in ("", ".yml", ".yaml", ".json")]
            found += sorted((directory / host).glob("*")) if (directory / host).is_dir() else []
            for file in found:
                if not file.is_file() or file.read_bytes().startswith(b"$ANSIBLE_VAULT"):
                    continue
                try:
                    content = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
                except (yaml.YAMLError, UnicodeDecodeError):
                    continue  # not plain YAML: Ansible will say so better than we can
                both = sorted(written & set(content)) if isinstance(content, dict) else []
                if both:
                    return f"{file} sets {', '.join(both)} and wins over the lab; set it in the inventory file instead"
    return None


class _Plain(yaml.SafeDumper):
    """Equal values of several hosts are written out, not referred to."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never an alias."""
        return True


def render(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """The connection inventory: literal host variables only, because testinfra does not template."""
    return yaml.dump(
        {"all": {"hosts": {name: dict(values) for name, values in hosts.items()}}},
        Dumper=_Plain,
        sort_keys=False,
        width=4096,
    )


def connection(address: str, key: Path) -> dict[str, Any]:
    """How Ansible reaches a host of the lab."""
    return {
        "ansible_host": address,
        "ansible_user": "debian",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
