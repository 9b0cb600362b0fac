"""Every module and filter: documented as Ansible wants it, thin, tested."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repo.repository import FILTERS, MODULES, ROLES, ROOT, constants, load, named

each_module = pytest.mark.parametrize("module", MODULES, ids=named)
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "platform"}


def fragment(name: str) -> dict[str, Any]:
    """A documentation fragment of ours."""
    path = ROOT / "plugins" / "doc_fragments" / f"{name.rsplit('.', 1)[-1]}.py"
    body = next(node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)).body
    text = next(
        node.value.value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return yaml.safe_load(text)


def documentation(module: Path) -> dict[str, Any]:
    """DOCUMENTATION with its fragments."""
    found: dict[str, Any] = yaml.safe_load(constants(module)["DOCUMENTATION"])
    for name in found.get("extends_documentation_fragment", []):
        for key, value in fragment(name).items():
            if isinstance(value, dict):
                found[key] = {**value, **(found.get(key) or {})}
            else:
                found.setdefault(key, value)
    return found


def test_there_are_modules() -> None:
    assert len(MODULES) >= 10


@each_module
def test_it_documents_options_attributes_examples_and_results(module: Path) -> None:
    told = documentation(module)
    assert told["module"] == module.stem
    assert set(told.get("attributes", {})) >= ATTRIBUTES
    examples = yaml.safe_load(constants(module)["EXAMPLES"])
    assert all(f"fediverse.mastodon.{module.stem}" in example for example in examples)
    results = yaml.safe_load(constants(module)["RETURN"])
    silent = [name for name, result in results.items() if not result.get("description") or "sample" not in result]
    assert silent == []


@each_module
def test_it_supports_check_mode(module: Path) -> None:
    action = ROOT / "plugins" / "action" / module.name  # then the module file is its documentation only
    text = action.read_text() if action.is_file() else module.read_text()
    assert "supports_check_mode=True" in text or "_supports_check_mode = True" in text


def cores(module: Path) -> set[str]:
    """The packages of ours, below module_utils, that a module is made of."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        name = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if "fediverse.mastodon" in name and "module_utils" in name:
            inner = name.split("module_utils")[1].strip(".")
            found |= {inner.split(".")[0]} if inner else {alias.name for alias in node.names}
    return found - {"_shell"}


@each_module
def test_it_or_its_core_is_tested(module: Path) -> None:
    if (ROOT / "plugins" / "action" / module.name).is_file():
        wanted = {f"action.{module.stem}", f"fediverse.mastodon.{module.stem}"}
    else:
        wanted = {f"modules.{module.stem}", f"modules import {module.stem}"}
    for core in cores(module):
        wanted |= {f"module_utils.{core}", f"module_utils import {core}"}
    tests = "\n".join(path.read_text() for path in ROOT.glob("tests/unit/**/test_*.py"))
    found = [name for name in wanted if re.search(rf"{re.escape(name)}\b", tests)]
    assert found, f"no test under tests/unit imports any of {sorted(wanted)}"


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("plugins/module_utils/*/*.py")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_cores_need_the_standard_library_only(path: Path) -> None:
    """What travels to hosts finds nothing but Python there. cryptography comes with ansible-core, on the controller."""
    foreign = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        foreign |= {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign - {"ansible", "ansible_collections", "cryptography"} == set()


def ansible_doc(*arguments: str) -> str:
    """Its output; any complaint is a failure."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-doc"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections")},
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr and "WARNING" not in done.stderr, done.stderr
    return done.stdout


def test_ansible_doc_knows_every_module() -> None:
    shown = ansible_doc("-t", "module", *(f"fediverse.mastodon.{module.stem}" for module in MODULES))
    assert [module.stem for module in MODULES if f"fediverse.mastodon.{module.stem}" not in shown] == []


def test_ansible_doc_knows_every_filter() -> None:
    names = [
        yaml.safe_load(constants(path)["DOCUMENTATION"])["name"]
        for path in FILTERS
        if "DOCUMENTATION" in constants(path)
    ]
    names += [path.stem for path in ROOT.glob("plugins/filter/*.yml")]
    shown = ansible_doc("-t", "filter", *(f"fediverse.mastodon.{name}" for name in names))
    assert [name for name in names if f"fediverse.mastodon.{name}" not in shown] == []


def test_every_filter_is_documented() -> None:
    told = {
        yaml.safe_load(constants(path)["DOCUMENTATION"])["name"]
        for path in FILTERS
        if "DOCUMENTATION" in constants(path)
    }
    told |= {path.stem for path in ROOT.glob("plugins/filter/*.yml")}
    offered = set()
    for path in FILTERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "filters":
                (given,) = [part.value for part in ast.walk(node) if isinstance(part, ast.Return)]
                assert isinstance(given, ast.Dict)
                offered |= {ast.literal_eval(key) for key in given.keys if key}
    assert sorted(offered - told) == []


def test_ansible_doc_knows_every_role() -> None:
    shown = ansible_doc("-t", "role", "--list", "fediverse.mastodon")
    specified = [role.name for role in ROLES if load(role / "meta" / "argument_specs.yml")]
    assert [name for name in specified if f"fediverse.mastodon.{name}" not in shown] == []
    ansible_doc("-t", "role", *(f"fediverse.mastodon.{name}" for name in specified))
