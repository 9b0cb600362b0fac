"""The module sidekiq_worker on a host of the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import canary
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import dead, leave, present, units
from ansible_collections.fediverse.mastodon.plugins.modules import sidekiq_worker
from fake_redis import FakeRedis
from worker_host import QUEUES, WorkerHost

MIGRATIONS = ["20240101000000", "20250101000000"]


@pytest.fixture
def redis() -> Iterator[FakeRedis]:
    with FakeRedis(password="secret") as server:
        yield server


@pytest.fixture
def host(redis: FakeRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerHost:
    """Two instances that do not run; a release; an environment; another host that takes everything."""
    (tmp_path / "etc").mkdir()
    found = WorkerHost(redis, tmp_path / "etc")
    found.add("near", ["default", "push"])
    found.add("far", ["pull"])
    found.stranger("main:99:aaaaaaaaaaaa", QUEUES)
    app = tmp_path / "app"
    (app / "db/migrate").mkdir(parents=True)
    (app / "db/migrate" / f"{MIGRATIONS[0]}_one.rb").touch()
    (app / "db/post_migrate").mkdir()
    (app / "db/post_migrate" / f"{MIGRATIONS[1]}_two.rb").touch()
    (app / "Gemfile.lock").write_text("GEM\n  specs:\n    sidekiq (8.1.6)\n      redis-client (>= 0.29)\n")
    stamp = {"version": "v1", "architecture": "amd64", "fingerprint": "f" * 64, "queues": [[one, 1] for one in QUEUES]}
    (app / ".release.json").write_text(json.dumps(stamp))
    environment = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": redis.port, "REDIS_PASSWORD": "secret"}
    (tmp_path / "env").write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
    monkeypatch.setattr(units, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(canary, "SETTLE", 0.0)
    for module in (present, leave, dead):
        monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setattr(leave, "GONE", 0.1)
    monkeypatch.setattr(leave, "BEAT", 0.1)
    monkeypatch.setattr(
        basic.AnsibleModule, "run_command", lambda module, args, **options: found.run_command(module, args, **options)
    )
    return found


@pytest.fixture
def run(host: WorkerHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run the module; what it returned, a failure too."""

    def call(state: str, *, check: bool = False, **more: Any) -> dict[str, Any]:
        instances = [
            {"name": "near", "queues": [["default", 8], ["push", 6]], "threads": 5},
            {"name": "far", "queues": [["pull", 1]], "threads": 5},
        ]
        arguments = {
            "worker": "pi",
            "state": state,
            "instances": instances,
            "env_file": str(tmp_path / "env"),
            "app_dir": str(tmp_path / "app"),
            "outside": [],
            **more,
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            sidekiq_worker.main()
        return dict(json.loads(capsys.readouterr().out))

    return call
