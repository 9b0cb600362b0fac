"""Measuring on a host: the readings themselves, the modules, the filters, and the playbook with the plan after it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.filter.survey import survey
from ansible_collections.fediverse.mastodon.plugins.filter.survey_targets import survey_targets
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import measure
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan.names import QUEUES
from ansible_collections.fediverse.mastodon.plugins.modules import survey_info, worker_size_info

from tests.conftest import ROOT

SIZED = {"cores": 4, "memory_mb": 8192, "cpu_steal": 0.0}


def run(
    module: ModuleType, capsys: pytest.CaptureFixture[str], *, check: bool = False, **params: Any
) -> dict[str, Any]:
    """One call of a module."""
    with patch_module_args({**params, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        module.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of this host at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed(listening: int) -> int:
    """A port at which nobody does."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        return int(other.getsockname()[1])


@pytest.mark.parametrize(
    "module", [survey_info, worker_size_info], ids=lambda module: module.__name__.rsplit(".", 1)[-1]
)
def test_documented_options_are_the_accepted_ones(module: ModuleType) -> None:
    documented: dict[str, dict[str, Any]] = yaml.safe_load(module.DOCUMENTATION)["options"]
    for option in documented.values():
        del option["description"]
    assert documented == module.ARGUMENTS


def test_worker_size_info_knows_the_queues() -> None:
    assert set(worker_size_info.ARGUMENTS["queues"]["choices"]) == set(QUEUES) - {"scheduler"}


def test_a_server_that_listens_and_one_that_refuses_both_answer(listening: int, closed: int) -> None:
    for port in (listening, closed):
        found = measure.round_trip("127.0.0.1", port, 1.0)
        assert found.port == port and found.ms is not None and 0.1 <= found.ms < 500 and not found.reason


def test_ssh_answers_where_the_port_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_tries", lambda address, port, timeout: [7.0, 8.0, 9.0] if port == 22 else [])
    assert measure.round_trip("192.0.2.1", 5432, 1.0) == measure.RoundTrip("192.0.2.1", 22, 8.0)


def test_a_silent_host_has_no_figure_but_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(measure, "_tries", lambda address, port, timeout: asked.append(port) or [])
    found = measure.round_trip("192.0.2.1", 5432, 1.0)
    assert found.ms is None and "neither port 5432 nor 22 of 192.0.2.1 answers within 1 s" in found.reason
    assert asked == [5432, 22]


def test_the_first_timeout_ends_the_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    class Silent(socket.socket):
        def connect(self, address: Any) -> None:
            tried.append(address)
            raise TimeoutError

    monkeypatch.setattr(measure.socket, "socket", Silent)
    assert measure._tries("127.0.0.1", 5432, 1.0) == [] and len(tried) == 1


@pytest.mark.parametrize(("address", "port"), [("127.0.0.1", 70000), ("no such name", 5432)])
def test_what_is_no_address_is_told(address: str, port: int) -> None:
    found = measure.round_trip(address, port, 1.0)
    assert found.ms is None and found.reason


def test_survey_info(capsys: pytest.CaptureFixture[str], listening: int) -> None:
    options = {"sample_s": 0.02, "database_host": "127.0.0.1", "database_port": listening}
    for check in (True, False):
        answer = run(survey_info, capsys, check=check, **options)
        assert not answer["changed"] and set(answer["round_trips"]) == {"database"}
        assert answer["round_trips"]["database"]["ms"] >= 0.1
        assert all(0 <= share <= 1 for share in answer["cpu"].values())
        assert answer["cpu"]["steal"] == max(answer["cpu"]["sample"], answer["cpu"]["since_boot"])


def test_worker_size_info_takes_what_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [run(worker_size_info, capsys, check=check, redis_rtt_ms=20, **SIZED) for check in (True, False)]
    assert answers[0] == answers[1]
    answer = answers[0]
    assert not answer["changed"] and answer["measured"] == []
    assert answer["inputs"] == {**SIZED, "db_rtt_ms": None, "redis_rtt_ms": 20}
    assert answer["cores"] == 4 and answer["memory"]["total"] == 8192
    assert len([unit for unit in answer["units"] if unit["binding"] == "breaker lock"]) > 3


def test_worker_size_info_measures_the_rest(capsys: pytest.CaptureFixture[str], listening: int) -> None:
    answer = run(worker_size_info, capsys, sample_s=0.02, redis_host="127.0.0.1", redis_port=listening, db_rtt_ms=3)
    assert answer["measured"] == ["cores", "cpu_steal", "memory_mb", "redis_rtt_ms"]
    meminfo = re.search(r"MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text())
    assert meminfo and answer["inputs"]["memory_mb"] == int(meminfo[1]) // 1024
    assert answer["inputs"]["db_rtt_ms"] == 3 and answer["inputs"]["redis_rtt_ms"] < 500


def test_worker_size_info_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(worker_size_info, capsys, **{**SIZED, "memory_mb": 600, "cpu_steal": 0.95})
    assert answer["failed"] and "cpu_steal: 0.95 is out of range" in answer["msg"]


def test_a_filter_names_whom_a_host_talks_to() -> None:
    groups = {"postgres": ["db"], "redis": ["main"], "sidekiq_workers": ["main", "worker"]}
    hostvars = {"db": {"mastodon_address": "10.40.0.12"}, "main": {"mastodon_ports": {"redis": 7000}}, "worker": {}}
    assert survey_targets(groups, hostvars, "worker") == {
        "database": {"host": "db", "address": "10.40.0.12", "port": 5432},
        "redis": {"host": "main", "address": "", "port": 7000},
    }
    assert survey_targets({"all": ["worker"]}, hostvars, "worker") == {}


def test_a_host_that_was_not_asked_is_named() -> None:
    lines = survey({"a": {"__survey_result": {"skipped": True}}}, ["a"], {"postgres": ["a"]})
    assert "# host_vars/a.yml: cannot be reached: it was not asked" in lines


def play(playbook: str, inventory: Path, cache: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    """With a fact cache of its own."""
    environment = {
        **os.environ,
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(cache),
        "ANSIBLE_CACHE_PLUGIN_TIMEOUT": "7200",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-i", str(inventory), *extra]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def test_after_a_survey_the_plan_needs_no_pasting(tmp_path: Path) -> None:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    roles = ("redis", "puma", "streaming", "sidekiq_workers", "nginx")
    wanted = {"mastodon_domain": "social.example.org", "mastodon_admin_email": "admin@example.org"}
    inventory = tmp_path / "hosts.json"
    groups: dict[str, Any] = {role: {"hosts": {"web": {"mastodon_address": "127.0.0.1", **here}}} for role in roles}
    groups["postgres"] = {"hosts": {"data": {"mastodon_address": "127.0.0.2", **here}}}
    inventory.write_text(json.dumps({"mastodon": {"vars": wanted, "children": groups}}))
    planned = tmp_path / "planned.json"  # the plan takes no loopback address for a cluster's
    planned.write_text(inventory.read_text().replace("127.0.0.", "10.40.0."))
    cache = tmp_path / "facts"

    before = play("plan", planned, cache)
    assert before.returncode == 2 and "mastodon_memory_mb" in before.stdout + before.stderr

    done = play("survey", inventory, cache, "-e", "survey_sample_s=0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr and "DEPRECAT" not in done.stdout + done.stderr
    assert "# Cores and memory are in the fact cache too, for 2 hours: playbooks/plan.yml" in done.stdout
    web = done.stdout.partition("# host_vars/web.yml")[2].partition("\n\n")[0]
    assert re.search(r"^mastodon_db_rtt_ms: \d+(\.\d)?  # to data, 127\.0\.0\.2 port \d+$", web, re.MULTILINE)
    assert "mastodon_redis_rtt_ms" not in web
    assert "mastodon_db_rtt_ms" not in done.stdout.partition("# host_vars/data.yml")[2].partition("\n\n")[0]

    after = play("plan", planned, cache)
    assert after.returncode == 0, after.stdout + after.stderr
