"""The core needs nothing but the standard library, so that it can run and be tested anywhere."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

CORE = ROOT / "plugins" / "module_utils" / "_plan"
PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
package = "ansible_collections.fediverse.mastodon.plugins.module_utils._plan"
for part in ("", ".explain", ".preflight", ".survey"):
    __import__(package + part)
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - set(sys.stdlib_module_names) - {"ansible_collections"}))
"""
# Nothing of these has a place where the same input must give the same bytes.
IMPURE = {"os", "io", "time", "datetime", "random", "secrets", "socket", "subprocess", "pathlib", "threading", "uuid"}


def test_importing_the_core_loads_nothing_of_ansible() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(ROOT / ".collections")], capture_output=True, text=True, cwd="/", check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_core_has_no_input_and_no_output() -> None:
    files = sorted(CORE.glob("*.py"))
    assert len(files) > 10
    for path in files:
        tree = ast.parse(path.read_text())
        found = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
        }
        calls = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not found & IMPURE, f"{path.name} imports {found & IMPURE}"
        assert not calls & {"open", "print", "input", "eval", "exec"}, path.name


def test_every_file_is_small() -> None:
    long = {path.name: lines for path in CORE.glob("*.py") if (lines := _lines(path)) > 350}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
