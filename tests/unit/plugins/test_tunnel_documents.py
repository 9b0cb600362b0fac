"""What the page about tunnels says: its example plans, its playbooks are there, its sentences are the program's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.filter import plan as shim
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import explain, names, network_report
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.handshakes import Course
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.read import HOST_KEYS, NETWORK_KEYS, variable
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.words import End, diagnose

from tests import golden
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "tunnels.md").read_text()
CORE = ROOT / "plugins" / "module_utils"
SIZE = {"mastodon_cpus": 4, "mastodon_memory_mb": 8192}
GROUPS = {
    "nginx": ["main"],
    "puma": ["main"],
    "streaming": ["main"],
    "redis": ["main"],
    "postgres": ["db"],
    "sidekiq_workers": ["main", "home"],
}


def example(folder: Path) -> Path:
    """The page's files as an inventory, with what every inventory has besides."""
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        name = text.splitlines()[0].removeprefix("# ")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    children = {group: {"hosts": dict.fromkeys(hosts, SIZE)} for group, hosts in GROUPS.items()}
    shared = {"mastodon_domain": "social.example.org", "mastodon_admin_email": "admin@example.org"}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"mastodon": {"vars": shared, "children": children}}))
    return folder


def test_the_example_is_planned_as_the_page_says(tmp_path: Path) -> None:
    variables = golden.hostvars(example(tmp_path))
    plan: dict[str, Any] = shim.plan(golden.groups(variables), variables)
    (table,) = [text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "tunnels" in text]
    assert table in "\n".join(explain.text(plan)) + "\n"


def answer(name: str, backend: str, mtu: int, key: str, trips: dict[str, float]) -> dict[str, Any]:
    """What wireguard_mesh answers on a host all of whose links work."""
    good = {"path": "direct", "full_mtu": True, "passes": mtu, "handshake_age": 9, "allowed": True, "routed": True}
    rows = [
        {"name": other, "rtt_ms": trip, "public_key": "", "sent": 1, "received": 1, **good}
        for other, trip in trips.items()
    ]
    return {"peers": rows, "mtu": mtu, "backend": backend, "public_key": key.ljust(43, "A") + "=", "notes": []}


def test_the_verification_looks_as_the_page_says(tmp_path: Path) -> None:
    variables = golden.hostvars(example(tmp_path))
    plan: dict[str, Any] = shim.plan(golden.groups(variables), variables)
    results = {
        "db": answer("db", "kernel", 1344, "D8yYT0Zu", {"home": 24.9, "main": 11.2}),
        "home": answer("home", "userspace", 1344, "aWbl0pnQ", {"db": 24.9, "main": 21.4}),
        "main": answer("main", "kernel", 1344, "xTIBA5rb", {"db": 11.2, "home": 21.4}),
    }
    found = network_report.report(plan, results, list(results))
    (table,) = [text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "backend" in text]
    assert "\n".join(found.lines).strip() == table.strip()
    assert not found.failures and not found.pending


def test_without_an_address_the_next_free_one_is_proposed(tmp_path: Path) -> None:
    folder = example(tmp_path)
    (folder / "host_vars" / "home.yml").write_text("mastodon_db_rtt_ms: 25\n")
    variables = golden.hostvars(folder)
    with pytest.raises(Exception, match=r"host home, mastodon_address: .*write mastodon_address: 10\.66\.0\.3"):
        shim.plan(golden.groups(variables), variables)


def test_every_playbook_is_there() -> None:
    found = set(re.findall(r"playbooks/(\w+\.yml)", PAGE))
    assert {"network.yml", "plan.yml", "rotate_tunnel_keys.yml", "survey.yml"} <= found
    assert all((ROOT / "playbooks" / name).exists() for name in found)


def test_every_inventory_is_there() -> None:
    assert all((ROOT / path).is_dir() for path in re.findall(r"-i (inventories/\w+)", PAGE))


def test_every_variable_is_read_by_somebody() -> None:
    known = {variable(key) for key in (*NETWORK_KEYS, *HOST_KEYS)} | set(names.TUNNEL_ROLE_SETTINGS)
    # Keys of files: of the secrets, and of the registry.
    known |= {"wireguard_seed", "wireguard_removed_hosts", "wireguard_public_keys"}
    assert set(re.findall(r"\bwireguard_[a-z_]*[a-z]\b", PAGE)) <= known


def sentences() -> list[str]:
    """What the program says, by the first column of the table."""
    table = PAGE.partition("| it says |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_is_the_programs(sentence: str) -> None:
    sources = [path.read_text() for part in ("_wire", "_tunnel", "_plan") for path in (CORE / part).glob("*.py")]
    assert any(sentence in text for text in sources)


def test_whole_sentences_are_what_both_ends_lead_to() -> None:
    """The page's four, by what became of two handshakes of home."""
    (block,) = [text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "handshakes" in text]
    home = End("home", "aWbl0pnQ=", "xTIBA5rb=", "203.0.113.1:51820", 51820, listens=51820)
    main = End("main", "xTIBA5rb=", "aWbl0pnQ=", "", 51820, listens=51820)
    ends = [
        (Course(2), main),
        (Course(2, 2, ports=(51820,)), main),
        (Course(2, 2, 2, ports=(51820,)), replace(main, expects="D8yYT0Zu=")),
        (Course(2, 2, 2, 2, 2, 2, (51820,)), main),
    ]
    assert [diagnose(replace(home, course=course), far) for course, far in ends] == block.splitlines()


def test_the_table_of_sentences_is_read() -> None:
    assert len(sentences()) >= 10
