"""The filter between real inventories and the core: tags, lazy containers, undefined and secret values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import names

from tests import golden
from tests.conftest import ROOT

HOSTS = """
mastodon:
  vars:
    mastodon_domain: "{{ name }}.example.org"
    mastodon_admin_email: admin@example.org
    name: social
    unrelated: "{{ lookup('ansible.builtin.pipe', 'touch ' ~ marker) }}"
    mastodon_extra_packages: "{{ lookup('ansible.builtin.pipe', 'touch ' ~ marker) }}"
    mastodon_environment:
      SECRET: "{{ lookup('ansible.builtin.pipe', 'touch ' ~ marker) }}"
  children:
    postgres: &here
      hosts:
        main:
          mastodon_cpus: "{{ 2 + 2 }}"
          mastodon_memory_mb: 8192
          mastodon_puma: {workers: "{{ 3 }}", threads: 4}
    redis: *here
    puma: *here
    streaming: *here
    sidekiq_workers: *here
    nginx: *here
"""


def template(folder: Path, text: str, expression: str, **extra: Any) -> Any:
    """The value of an expression, as a task would see it."""
    source = folder / "hosts.yml"
    source.write_text(text)
    hostvars = golden.hostvars(source)
    variables = {"groups": golden.groups(hostvars), "hostvars": hostvars, **extra}
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template("{{ " + expression + " }}"))


def plan_of(folder: Path, text: str, arguments: str = "") -> Any:
    """The plan, or what the filter says instead."""
    return template(folder, text, f"groups | fediverse.mastodon.plan(hostvars{arguments})")


def test_templated_and_tagged_values_become_plain(tmp_path: Path) -> None:
    marker = tmp_path / "evaluated"
    plan = plan_of(tmp_path, HOSTS.replace("marker", f"'{marker}'"))
    assert plan["cluster"]["domain"] == "social.example.org"
    host = plan["hosts"]["main"]
    assert (host["cores"], host["puma"][0]["workers"], host["puma"][0]["threads"]) == (4, 3, 4)
    assert not marker.exists(), "a variable was evaluated that the plan does not read"


def test_the_core_gets_plain_types_only(tmp_path: Path) -> None:
    from ansible_collections.fediverse.mastodon.plugins.filter import plan as shim

    source = tmp_path / "hosts.yml"
    source.write_text(HOSTS.replace("'touch ' ~ marker", "'true'"))
    hostvars = golden.hostvars(source)
    raw = shim.inventory(golden.groups(hostvars), hostvars)

    def exact(value: Any) -> bool:
        if type(value) is dict:
            return all(type(key) is str and exact(item) for key, item in value.items())
        if type(value) is list:
            return all(exact(item) for item in value)
        return value is None or type(value) in (str, int, float, bool)

    assert exact(raw)
    yaml.safe_dump(raw)  # refuses Ansible's own types


def test_a_value_that_cannot_be_evaluated_is_one_problem_among_others(tmp_path: Path) -> None:
    text = HOSTS.replace("'touch ' ~ marker", "'true'").replace("{{ 2 + 2 }}", "{{ nope }}")
    text = text.replace("admin@example.org", "nobody")
    lines = plan_of(tmp_path, text, ", collect=true")["problems"]
    assert "2 problems" in lines[0]
    assert "mastodon_cpus" in lines[1] and "'nope' is undefined" in lines[1]
    assert "mastodon_admin_email" in lines[2]


def test_problems_name_file_and_line(tmp_path: Path) -> None:
    text = HOSTS.replace("'touch ' ~ marker", "'true'").replace("admin@example.org", "nobody")
    line = text.splitlines().index("    mastodon_admin_email: nobody") + 1
    problems = plan_of(tmp_path, text, ", collect=true")["problems"]
    assert f"hosts.yml:{line}" in problems[1]


def test_a_contradiction_is_an_error_of_the_filter(tmp_path: Path) -> None:
    text = HOSTS.replace("'touch ' ~ marker", "'true'").replace("admin@example.org", "nobody")
    with pytest.raises(AnsibleError, match="'nobody' is not a mail address"):
        plan_of(tmp_path, text)


def test_secrets_stay_outside(tmp_path: Path) -> None:
    keys = "    mastodon_s3_backend: external\n    mastodon_s3: {bucket: b, endpoint: 'https://s3.example.net', "
    keys += "access_key: hidden-one, secret_key: hidden-two}\n    mastodon_smtp: {password: hidden-three}\n"
    text = HOSTS.replace("'touch ' ~ marker", "'true'").replace("  children:\n", keys + "  children:\n")
    assert "hidden" not in str(plan_of(tmp_path, text))


def test_cached_facts_fill_in_what_is_not_declared() -> None:
    from ansible_collections.fediverse.mastodon.plugins.filter import plan as shim

    facts = {"memtotal_mb": 2000, "processor_vcpus": 2, "architecture": "x86_64"}
    raw = shim.inventory({"mastodon": ["a"]}, {"a": {"ansible_facts": facts, "mastodon_cpus": 9}})
    assert raw["hosts"]["a"] == {"mastodon_cpus": 9, "facts": {"memtotal_mb": 2000, "processor_vcpus": 2}}


def test_text_through_the_templar(tmp_path: Path) -> None:
    text = HOSTS.replace("'touch ' ~ marker", "'true'")
    expression = "groups | fediverse.mastodon.plan(hostvars) | fediverse.mastodon.plan_text(why=true)"
    lines = template(tmp_path, text, expression)
    assert lines[1] == "https://social.example.org" and "Why" in lines


def test_settings_of_roles_are_known() -> None:
    """A role's own mastodon_* variable that the plan does not know would be refused as a slip."""
    known = set(names.KNOWN)
    declared = {
        name
        for path in (ROOT / "roles").glob("*/defaults/main.yml")
        for name in (yaml.safe_load(path.read_text()) or {})
        if name.startswith("mastodon_")
    }
    assert declared and declared <= known, f"add to _plan/names.py: {sorted(declared - known)}"
    documented = (ROOT / "docs" / "interfaces.md").read_text()
    undocumented = {name for name in known if f"`{name}`" not in documented and f"{name}`" not in documented}
    undocumented -= {*names.OUR_OWN, "mastodon_keep_releases"}
    assert not undocumented, f"docs/interfaces.md says nothing of {sorted(undocumented)}"
