"""One run at a time: who holds the lock, and when it is nobody's any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import lock as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import lock

from tests.conftest import ROOT

ANNA = core.Holder("anna", "desk", "m1", 812, "77", 1_000_000.0, "add_worker pi")
BERT = core.Holder("bert", "laptop", "m2", 44, "12", 1_000_060.0, "remove_worker shed")


def judged(held: core.Holder | None, mine: core.Holder, **more: Any) -> core.Verdict:
    given = {"now": 1_000_060.0, "alive": True, "stale_after": 7200.0, "where": "here", **more}
    return core.judge(held, mine, **given)


def test_what_was_written_is_read() -> None:
    assert core.parse(core.render(ANNA)) == ANNA
    assert core.parse("") is None
    for text in ("hello", "[]", '{"user": "anna"}'):
        with pytest.raises(ValueError):
            core.parse(text)


def test_nobody_has_it_or_we_do() -> None:
    assert judged(None, ANNA).kind == core.FREE
    assert judged(replace(ANNA, since=0.0, what="earlier"), ANNA).kind == core.MINE


def test_the_second_is_told_who_the_first_is() -> None:
    verdict = judged(ANNA, BERT)
    assert verdict.is_held
    for word in ("anna@desk", "process 812", "add_worker pi", "12 Jan 1970", "in 119 min", "worker_lock_break"):
        assert word in verdict.text


def test_a_process_that_is_gone_counts_on_its_own_machine_only() -> None:
    neighbour = replace(ANNA, pid=900, started="99")
    assert judged(ANNA, neighbour, alive=False).kind == core.STALE
    assert judged(ANNA, neighbour, alive=True).is_held
    assert judged(ANNA, BERT, alive=False).is_held


def test_time_ends_every_lock() -> None:
    assert judged(ANNA, BERT, now=1_000_000.0 + 7201).kind == core.STALE


def test_files_change_hands(tmp_path: Path) -> None:
    path = str(tmp_path / "run" / "run.lock")
    mine = lock.this_run(os.getpid(), "one")
    assert lock.take(path, mine, stale_after=60)[0].kind == core.FREE
    assert lock.take(path, mine, stale_after=60)[0].kind == core.MINE
    other = replace(BERT, since=time.time())
    verdict, held = lock.take(path, other, stale_after=60)
    assert verdict.is_held and held is not None and held.token == mine.token
    assert not lock.give_back(path, other) and os.path.exists(path)
    assert lock.take(path, other, stale_after=60, force=True)[0].kind == core.STALE
    assert lock.give_back(path, other) and not os.path.exists(path)
    assert not lock.give_back(path, other)


def test_a_killed_runs_lock_is_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "run.lock")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    dead = lock.this_run(child.pid, "killed")
    lock.take(path, dead, stale_after=60)
    mine = lock.this_run(os.getpid(), "next")
    assert lock.look(path, mine, stale_after=60)[0].is_held
    child.kill()
    child.wait()
    assert lock.take(path, mine, stale_after=60)[0].kind == core.STALE


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    path.write_text("precious\n")
    with pytest.raises(Refusal, match="no run is at work"):
        lock.take(str(path), ANNA, stale_after=60)
    assert path.read_text() == "precious\n"


PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Lock
      fediverse.mastodon.run_lock: &lock
        path: "{{ here }}/host/run.lock"
        controller_path: "{{ here }}/beside.lock"
        what: a test
    - name: Renew
      fediverse.mastodon.run_lock: *lock
    - name: Unlock
      fediverse.mastodon.run_lock:
        path: "{{ here }}/host/run.lock"
        controller_path: "{{ here }}/beside.lock"
        state: absent
      when: release | bool
"""


def run(here: Path, *, release: bool) -> subprocess.CompletedProcess[str]:
    (here / "play.yml").write_text(PLAYBOOK)
    extra = (f"here={here}", f"release={release}", f"ansible_python_interpreter={sys.executable}")
    return subprocess.run(
        ["ansible-playbook", "-i", "one,", "-c", "local", str(here / "play.yml")]
        + [word for one in extra for word in ("-e", one)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "200"},
    )


def test_by_a_playbook(tmp_path: Path) -> None:
    """Both files are taken and given back; a run that ended without that is over; one that lives is named."""
    assert run(tmp_path, release=True).returncode == 0
    assert not (tmp_path / "beside.lock").exists() and not (tmp_path / "host" / "run.lock").exists()
    assert run(tmp_path, release=False).returncode == 0
    after = run(tmp_path, release=False)
    assert after.returncode == 0 and "whose process is gone" in after.stdout + after.stderr
    alive = lock.this_run(os.getpid(), "a test that goes on")
    for path in (tmp_path / "beside.lock", tmp_path / "host" / "run.lock"):
        lock.take(str(path), alive, stale_after=60, force=True)
        refused = run(tmp_path, release=True)
        assert refused.returncode == 2 and "a test that goes on" in refused.stdout
        assert json.loads(path.read_text())["what"] == "a test that goes on"
        lock.give_back(str(path), alive)
