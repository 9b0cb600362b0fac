"""The module wireguard_handshakes: what it tells, and that a host that may not listen does not hold up others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import listen
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.handshakes import Seen
from ansible_collections.fediverse.mastodon.plugins.modules import wireguard_handshakes


def run(capsys: pytest.CaptureFixture[str], marker: Path, **given: Any) -> dict[str, Any]:
    with (
        patch_module_args({"marker": str(marker), "now": 0, **given}),
        pytest.raises(SystemExit),
    ):
        wireguard_handshakes.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert not answer.get("failed") and not answer["changed"]
    return answer


def test_what_was_seen_is_told_with_the_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen("initiation", "reached", "5be31c07", "192.0.2.1:51820")
    asked: list[tuple[str, float, list[str]]] = []

    def hear(*given: Any) -> list[Seen]:
        asked.append(given)
        return [seen]

    monkeypatch.setattr(wireguard_handshakes, "listen", hear)
    monkeypatch.setattr(wireguard_handshakes.time, "time", lambda: 1000.26)
    found = run(capsys, tmp_path / "marker", now=970, dial=["10.66.0.2"])
    assert found["handshakes"] == [seen._asdict()] and found["clock"] == 30.3
    assert asked == [(str(tmp_path / "marker"), 60, ["10.66.0.2"])]


def test_a_host_that_may_not_listen_says_so_and_nobody_waits_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_given: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(listen.socket, "socket", refused)
    found = run(capsys, tmp_path / "marker")
    assert "handshakes" not in found and "Operation not permitted" in found["deaf"]
    assert (tmp_path / "marker").exists()
