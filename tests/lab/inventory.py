"""Reading the inventory's host names and writing the connection inventory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import LabError

LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Named:
    """What the lab needs of an inventory."""

    hosts: list[str]
    minio: list[str]


def read(sources: list[Path]) -> Named:
    """Host names and members of the group `minio`. Variables are not read: they may be vaulted."""
    if not sources:
        return Named([], [])
    for source in sources:
        if not source.exists():
            raise LabError(f"inventory {source} does not exist; pass an existing file or directory to --inventory")
    # Ansible skips what it cannot parse; a lab without the hosts that somebody misspelt is worse than an error.
    os.environ["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "true"
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    try:
        manager = InventoryManager(loader=DataLoader(), sources=[str(source.resolve()) for source in sources])
    except AnsibleError as problem:
        text = " ".join(str(problem).split())
        raise LabError(f"inventory {', '.join(map(str, sources))} cannot be read: {text}; correct the file") from None
    groups = manager.get_groups_dict()
    names = [str(host.name) for host in manager.get_hosts() if host.name not in LOCAL]
    return Named(names, [str(name) for name in groups.get("minio", []) if name not in LOCAL])


def masked(sources: list[Path], written: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A `host_vars` file beside the inventory that wins over what the lab writes, as one sentence.

    Host variables of an inventory file, which is what the lab writes, lose to every `host_vars` directory.
    """
    for source in sources:
        directory = (source if source.is_dir() else source.parent) / "host_vars"
        for host, variables in written.items():
            found = [directory / f"{host}{suffix}" for suffix in ("", ".yml", ".yaml", ".json")]
            found += sorted((directory / host).glob("*")) if (directory / host).is_dir() else []
            for file in found:
                if not file.is_file() or file.read_bytes().startswith(b"$ANSIBLE_VAULT"):
                    continue
                try:
                    content = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
                except (yaml.YAMLError, UnicodeDecodeError):
                    continue  # not plain YAML: Ansible will say so better than we can
                both = sorted(set(content) & set(variables)) if isinstance(content, dict) else []
                if both:
                    return f"{file} sets {', '.join(both)} and wins over the lab; set it in the inventory file instead"
    return None


def render(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """The connection inventory: literal host variables only, because testinfra does not template."""
    return yaml.safe_dump(
        {"all": {"hosts": {name: dict(values) for name, values in hosts.items()}}}, sort_keys=False, width=4096
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
