"""Plans of the shipped inventories, kept as JSON and as text so that a change shows in review.

`python3 -m tests.golden` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def layouts() -> list[str]:
    """Every shipped inventory."""
    return sorted(path.parent.name for path in (ROOT / "inventories").glob("*/hosts.yml"))


def hostvars(*sources: Path) -> Any:
    """What a playbook run sees as `hostvars`, from real inventory files."""
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.vars.hostvars import HostVars
    from ansible.vars.manager import VariableManager

    loader = DataLoader()
    manager = InventoryManager(loader, [str(source) for source in sources])
    return HostVars(manager, VariableManager(loader, manager), loader)


def groups(variables: Any) -> dict[str, list[str]]:
    """The magic variable `groups`."""
    found: dict[str, list[str]] = variables._inventory.get_groups_dict()
    return found


def plan(layout: str) -> dict[str, Any]:
    """The plan of a shipped inventory."""
    from ansible_collections.fediverse.mastodon.plugins.filter import plan as shim

    variables = hostvars(ROOT / "inventories" / layout)
    result: dict[str, Any] = shim.plan(groups(variables), variables)
    return result


def rendered(layout: str) -> dict[Path, str]:
    """Files and their content."""
    from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain

    computed = plan(layout)
    return {
        HERE / f"{layout}.json": json.dumps(computed, indent=2, ensure_ascii=False) + "\n",
        HERE / f"{layout}.txt": "\n".join(explain.text(computed, why=True)) + "\n",
    }
