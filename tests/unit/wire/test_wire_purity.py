"""The tunnels' core needs nothing but the standard library, reads nothing and writes nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

CORE = sorted((ROOT / "plugins" / "module_utils" / "_wire").glob("*.py"))
PURE = {
    "__future__",
    *("base64", "binascii", "collections", "dataclasses", "hashlib", "hmac", "ipaddress", "json", "re", "typing"),
}


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_a_file_of_the_core_is_pure_and_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    imported = {
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
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not imported - PURE
    assert not calls & {"open", "print", "input", "eval", "exec"}
    assert len(text.splitlines()) <= 300
