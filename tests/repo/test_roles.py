"""Every role: complete, its specification equal to its defaults, blind to other hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.repo.repository import ROLES, ROOT, load, named, tasks
from tests.repo.role_readmes import readme

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}
# They are about the whole installation: the layouts prove them, and unit tests their cores.
ONLY_IN_LAYOUTS = {"plan", "preflight"}
# They look at all hosts: one decides what is where, the other names every host that is not ready, not only the first.
FOR_ALL_HOSTS = {"plan", "preflight"}
# Its hosts need each other's public keys: `hostvars` goes whole into filters that take those, never a host by its name.
# With --limit it also tells neighbours outside of the run, and one that is off is told to the admin as pending.
NEEDS_NEIGHBOURS = {"wireguard"}
WHOLE, NAMED = r"\bhostvars\b", r"\b(hostvars\s*[\[.]|groups\s*\[|groups\.)"
each_role = pytest.mark.parametrize("role", ROLES, ids=named)


def options(role: Path) -> dict[str, Any]:
    """The options of all entry points."""
    found: dict[str, Any] = {}
    for spec in load(role / "meta" / "argument_specs.yml").get("argument_specs", {}).values():
        found.update(spec.get("options") or {})
    return found


def computed(value: Any) -> bool:
    """Whether a default is a template, here or further inside."""
    if isinstance(value, dict):
        return any(computed(part) for part in value.values())
    if isinstance(value, list):
        return any(computed(part) for part in value)
    return isinstance(value, str) and "{{" in value


def test_there_are_roles() -> None:
    assert len(ROLES) >= 13


@each_role
def test_it_is_complete(role: Path) -> None:
    wanted = ["README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml"]
    assert [name for name in wanted if not (role / name).is_file()] == []
    assert load(role / "meta" / "main.yml")["dependencies"] == []


@each_role
def test_it_has_a_scenario(role: Path) -> None:
    scenarios = [
        path
        for path in ROOT.glob("molecule/*/converge.yml")
        # Of its own, if by way of a playbook, or among the roles of another one.
        if path.parent.name == f"role_{role.name}" or f"fediverse.mastodon.{role.name}\n" in path.read_text()
    ]
    if not scenarios and role.name in ONLY_IN_LAYOUTS:
        scenarios = list(ROOT.glob("molecule/layout_*/molecule.yml"))
    assert scenarios != []


@each_role
def test_names_in_specification_and_defaults_agree(role: Path) -> None:
    specified = {name for name, option in options(role).items() if not option.get("required")}
    given = set(load(role / "defaults" / "main.yml"))
    assert sorted(given - set(options(role))) == [], "in defaults/main.yml, but not specified"
    assert sorted(specified - given) == [], "specified, but without a default"


@each_role
def test_values_in_specification_and_defaults_agree(role: Path) -> None:
    given = load(role / "defaults" / "main.yml")
    differing = {}
    for name, option in options(role).items():
        value = given.get(name)
        if computed(value):
            if "default" in option:
                differing[name] = "a computed default must not be repeated in the specification"
        elif name in given and option.get("default") != value:
            differing[name] = f"{value!r} in defaults, {option.get('default')!r} in the specification"
    assert differing == {}


@each_role
def test_literal_defaults_have_their_type(role: Path) -> None:
    given = load(role / "defaults" / "main.yml")
    wrong = {}
    for name, option in options(role).items():
        value = given.get(name)
        kinds = TYPES.get(option.get("type", "str"))
        if value is None or computed(value) or kinds is None:
            continue
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wrong[name] = f"{value!r} is no {option.get('type', 'str')}"
    assert wrong == {}


@each_role
def test_every_option_is_described(role: Path) -> None:
    assert [name for name, option in options(role).items() if not option.get("description")] == []


@each_role
def test_its_variables_carry_its_name(role: Path) -> None:
    public = set(load(role / "defaults" / "main.yml"))
    assert sorted(name for name in public if not name.startswith(f"{role.name}_")) == []
    internal = set(load(role / "vars" / "main.yml"))
    assert sorted(name for name in internal if not name.startswith(f"__{role.name}_")) == []


@each_role
def test_it_knows_no_other_host(role: Path) -> None:
    if role.name in FOR_ALL_HOSTS:
        assert not list(role.glob("templates/*"))
        return
    hits = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in role.rglob("*")
        if path.is_file() and path.suffix in {".yml", ".j2", ".sh"}
        for match in re.finditer(NAMED if role.name in NEEDS_NEIGHBOURS else f"{WHOLE}|{NAMED}", path.read_text())
    ]
    assert hits == []


@each_role
def test_templates_say_who_wrote_them(role: Path) -> None:
    # What goes into a marked block of somebody else's file needs no header of its own.
    tasks_text = "".join(path.read_text() for path in role.glob("tasks/*.yml"))
    silent = []
    for path in role.glob("templates/**/*.j2"):
        block = re.search(rf"^\s+block: .*'{re.escape(path.name)}'", tasks_text, re.MULTILINE)
        if f"fediverse.mastodon (role {role.name})" not in path.read_text()[:400] and not block:
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


@each_role
def test_task_names_are_sentences(role: Path) -> None:
    wrong = []
    for path in [*role.glob("tasks/*.yml"), *role.glob("handlers/*.yml")]:
        for task in tasks(path):
            name = str(task.get("name", ""))
            sentence = name.rsplit("|", 1)[-1].strip()
            if not sentence[:1].isupper() or sentence.endswith("."):
                wrong.append(f"{path.relative_to(ROOT)}: {name!r}")
            if path.parent.name == "tasks" and path.name != "main.yml" and " | " not in name:
                wrong.append(f"{path.relative_to(ROOT)}: {name!r} lacks the prefix of its file")
    assert wrong == []


@each_role
def test_failures_are_not_swallowed(role: Path) -> None:
    if role.name in FOR_ALL_HOSTS:
        return
    hidden = [
        f"{path.relative_to(ROOT)}: {task.get('name')}"
        for path in role.glob("tasks/*.yml")
        for task in tasks(path)
        if task.get("ignore_errors")
        or task.get("failed_when") is False
        or (task.get("ignore_unreachable") and role.name not in NEEDS_NEIGHBOURS)
    ]
    assert hidden == []


@each_role
def test_secret_files_stay_out_of_the_journal(role: Path) -> None:
    """Ansible logs a module's arguments on the host, the content of files included, unless it is told not to."""
    logged = [
        f"{path.relative_to(ROOT)}: {task.get('name')}"
        for path in role.glob("tasks/*.yml")
        for task in tasks(path)
        if any(file.get("secret") for file in (task.get("fediverse.mastodon.host_files") or {}).get("files") or [])
        and not (task.get("vars") or {}).get("ansible_no_target_syslog")
    ]
    assert logged == []


@each_role
def test_its_readme_is_fresh(role: Path) -> None:
    assert (role / "README.md").read_text() == readme(role), "stale: run `make role-readmes`"
