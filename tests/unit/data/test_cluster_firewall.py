"""The cluster's table in nftables: what is written, what is loaded, and what nft says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import firewall, guard
from ansible_collections.fediverse.mastodon.plugins.module_utils._host.firewall import Client
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import access_firewall
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal
from ansible_collections.fediverse.mastodon.plugins.modules import cluster_firewall as cluster_firewall

MAIN = Client("main", "10.40.0.1", (6379, 5432))
PI = Client("pi", "fd00::7", (5432,))

# `nft -j list table inet mastodon`, nftables 1.0.6 (Debian 12), of a smaller table: the parts that `same` reads.
LISTED = (
    '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},'
    ' {"table": {"family": "inet", "name": "mastodon", "handle": 2}},'
    ' {"set": {"family": "inet", "name": "guarded", "table": "mastodon", "type": "inet_service", "handle": 2,'
    ' "elem": [5432, 6379]}},'
    ' {"set": {"family": "inet", "name": "clients4", "table": "mastodon", "type": ["ipv4_addr", "inet_service"],'
    ' "handle": 3, "elem": [{"concat": ["10.0.0.1", 5432]}, {"concat": ["10.0.0.2", 5432]}]}},'
    ' {"rule": {"family": "inet", "table": "mastodon", "chain": "input", "handle": 6, "expr": [{"match": {"op": "==",'
    ' "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": "@guarded"}},'
    ' {"reject": {"type": "tcp reset"}}]}}]}'
)


class Failed(Exception):
    """fail_json."""


class Nft:
    """A host with nftables: loading a file makes the table, and listing it gives new handles each time."""

    def __init__(self, root: Path) -> None:
        self.root, self.check_mode, self._diff = root, False, True
        self.params: dict[str, Any] = {}
        self.table: list[str] | None = None
        self.loads = self.listed = 0
        self.refuses, self.dies = "", False

    def run_command(self, args: Sequence[str], **options: Any) -> tuple[int, str, str]:
        argv = tuple(args)
        if argv == guard.PREVIEW:
            if self.refuses and self.refuses in options["data"]:
                return 1, "", f"syntax error, unexpected string: {self.refuses}\n"
            return 0, self._list(self._meant(options["data"])), ""
        if argv == guard.LIST:
            return (1, "", "No such file or directory") if self.table is None else (0, self._list(self.table), "")
        if argv[1] == "-f":
            if self.dies:
                raise KeyboardInterrupt
            self.loads += 1
            self.table = self._meant(Path(argv[2]).read_text())
            return 0, "", ""
        assert argv[1:] == ("delete", "table", "inet", "mastodon"), argv
        self.table = None
        return 0, "", ""

    def _meant(self, text: str) -> list[str]:
        lines = []
        for line in text.splitlines():
            found = re.fullmatch(r'include "(.*)/\*\.nft"', line)
            paths = sorted(Path(found.group(1)).glob("*.nft")) if found else []
            lines += [one for path in paths for one in path.read_text().splitlines()] if found else [line]
        return [line for line in lines if line and not line.startswith("#")]

    def _list(self, table: list[str]) -> str:
        self.listed += 1
        rows = [{"set": {"name": "x", "handle": self.listed, "elem": table if self.listed % 2 else table[::-1]}}]
        return json.dumps({"nftables": [{"metainfo": {"version": str(self.listed)}}, *rows]})

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        raise Failed(msg)

    def set_fs_attributes_if_different(self, file_args: dict[str, Any], changed: bool) -> bool:
        return changed


@pytest.fixture
def nft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nft:
    program = tmp_path / "nft"
    program.write_text("")
    monkeypatch.setattr(guard, "NFT", str(program))
    monkeypatch.setattr(access_firewall, "DIRECTORY", str(tmp_path / "firewall.d"))
    monkeypatch.setattr(firewall, "DIRECTORY", str(tmp_path / "firewall.d"))
    return Nft(tmp_path)


def run(nft: Nft, *clients: Client, check: bool = False, ports: tuple[int, ...] = (5432, 6379)) -> list[str]:
    changes, nft.check_mode = Changes(), check
    place = guard.Guard(nft, changes, str(nft.root / "firewall.nft"), str(nft.root / "firewall.d"))
    if ports:
        place.present(ports, "", clients)
    else:
        place.absent()
    return [action.replace(f"{nft.root}/", "") for action in changes.actions]


def test_check_mode_the_run_and_nothing_after_it(nft: Nft) -> None:
    foretold = run(nft, MAIN, PI, check=True)
    assert nft.table is None and not (nft.root / "firewall.d").exists()
    assert run(nft, MAIN, PI) == foretold
    assert foretold == [
        "make firewall.d/",
        "write firewall.d/main.nft",
        "write firewall.d/pi.nft",
        "write firewall.nft",
        "load table inet mastodon",
    ]
    assert nft.table and "add element inet mastodon clients6 { fd00::7 . 5432 }" in nft.table
    assert run(nft, MAIN, PI) == [] and nft.loads == 1


def test_a_client_that_went_is_shut_out(nft: Nft) -> None:
    run(nft, MAIN, PI)
    assert run(nft, MAIN) == ["remove firewall.d/pi.nft", "load table inet mastodon"]
    assert not any("fd00::7" in line for line in nft.table or ())


def test_a_table_that_was_changed_or_flushed_is_loaded_again(nft: Nft) -> None:
    run(nft, MAIN)
    (nft.table or []).append("add element inet mastodon clients4 { 203.0.113.9 . 5432 }")
    assert run(nft, MAIN) == ["load table inet mastodon"]
    nft.table = None
    assert run(nft, MAIN) == ["load table inet mastodon"]


def test_a_run_that_was_killed_before_the_load_is_finished(nft: Nft) -> None:
    nft.dies = True
    with pytest.raises(KeyboardInterrupt):
        run(nft, MAIN)
    assert nft.table is None and (nft.root / "firewall.nft").exists()
    nft.dies = False
    assert run(nft, MAIN) == ["load table inet mastodon"]


def test_a_file_of_the_admins_stays_and_counts(nft: Nft) -> None:
    run(nft, MAIN)
    own = nft.root / "firewall.d" / "backup.nft"
    own.write_text("add element inet mastodon clients4 { 192.0.2.9 . 5432 }\n")
    assert run(nft, MAIN) == ["load table inet mastodon"]
    assert "add element inet mastodon clients4 { 192.0.2.9 . 5432 }" in (nft.table or [])
    assert run(nft, MAIN) == [] and own.exists()
    assert run(nft, ports=()) and own.exists() and nft.table is None


def test_what_nft_refuses_changes_nothing(nft: Nft) -> None:
    run(nft, MAIN)
    before = list(nft.table or [])
    (nft.root / "firewall.d" / "backup.nft").write_text("add elment\n")
    nft.refuses = "add elment"
    with pytest.raises(Refusal, match=r"unexpected string: add elment.*that are not ours, or set mastodon_firewall"):
        run(nft, MAIN, PI)
    assert nft.table == before and not (nft.root / "firewall.d" / "pi.nft").exists()


def test_off_removes_it_once(nft: Nft) -> None:
    run(nft, MAIN)
    foretold = run(nft, check=True, ports=())
    assert run(nft, ports=()) == foretold
    assert foretold == ["remove firewall.d/main.nft", "remove firewall.nft", "remove table inet mastodon"]
    assert nft.table is None and run(nft, ports=()) == []


def test_in_check_mode_the_package_may_still_be_missing(nft: Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "NFT", str(nft.root / "missing"))
    assert run(nft, MAIN, check=True)[-1] == "load table inet mastodon"


def test_handles_and_order_are_no_difference_and_members_are() -> None:
    assert firewall.same(LISTED, LISTED.replace('"handle": 6', '"handle": 60').replace("5432, 6379", "6379, 5432"))
    assert not firewall.same(LISTED, LISTED.replace("10.0.0.2", "10.0.0.3"))
    assert not firewall.same(LISTED, LISTED.replace("tcp reset", "icmpx"))
    assert not firewall.same("", LISTED)


def test_only_guarded_ports_are_spoken_of() -> None:
    rules = [line.strip() for line in firewall.table((5432,), "wg0").split("chain input {")[1].splitlines()]
    rules = [rule for rule in rules if rule and rule != "}"]
    assert rules[0] == "type filter hook input priority filter; policy accept;"
    assert all(rule.endswith(" accept") for rule in rules[1:-1])
    assert rules[-1] == "tcp dport @guarded reject with tcp reset"
    assert rules[2].startswith('iifname "wg0" ip saddr')


def test_the_module_asks_for_whole_clients() -> None:
    assert set(cluster_firewall.SPEC["clients"]["options"]) == set(Client.__dataclass_fields__)
