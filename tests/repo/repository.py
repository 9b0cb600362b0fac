"""What the tests of the repository look at."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/tasks/main.yml"))
MODULES = sorted(path for path in ROOT.glob("plugins/modules/*.py") if path.name != "__init__.py")
FILTERS = sorted(path for path in ROOT.glob("plugins/filter/*.py") if path.name != "__init__.py")
PLAYBOOKS = sorted(ROOT.glob("playbooks/*.yml"))
INVENTORIES = sorted(path.parent for path in ROOT.glob("inventories/*/hosts.yml"))
SCENARIOS = sorted(path.parent for path in ROOT.glob("molecule/*/molecule.yml"))


def load(path: Path) -> Any:
    """A YAML file; an empty mapping where there is none."""
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def named(path: Path) -> str:
    """How a test is called that is about this file."""
    return path.name


def constants(path: Path) -> dict[str, str]:
    """The strings that a Python file assigns at its top level, without running it."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.update({target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)})
    return found


def tracked(*patterns: str) -> list[Path]:
    """Files of the checkout that git knows or would add, without what it ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def plays(path: Path) -> list[dict[str, Any]]:
    """The plays of a playbook, imports included."""
    content = load(path)
    return content if isinstance(content, list) else []


def tasks(path: Path) -> list[dict[str, Any]]:
    """All tasks of a file, those in blocks too."""

    def flatten(items: Any) -> list[dict[str, Any]]:
        found = []
        for item in items or []:
            if not isinstance(item, dict):
                continue
            found.append(item)
            for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
                found += flatten(item.get(part))
        return found

    return flatten(load(path))
