"""Actions of the plan and of preflight: what they accept, and that a silent host does not end the play."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.fediverse.mastodon.plugins.action.preflight import ARGUMENTS as PREFLIGHT_ARGUMENTS
from ansible_collections.fediverse.mastodon.plugins.action.preflight import ActionModule as Preflight
from ansible_collections.fediverse.mastodon.plugins.action.preflight_info import ActionModule as PreflightInfo
from ansible_collections.fediverse.mastodon.plugins.action.show import ARGUMENTS as SHOW_ARGUMENTS
from ansible_collections.fediverse.mastodon.plugins.action.show import ActionModule as Show
from ansible_collections.fediverse.mastodon.plugins.modules import preflight, show


@pytest.mark.parametrize("module", [show, preflight], ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_documented_options_are_the_accepted_ones(module: ModuleType) -> None:
    documented: dict[str, dict[str, Any]] = yaml.safe_load(module.DOCUMENTATION)["options"]
    for option in documented.values():
        del option["description"]
    assert documented == module.ARGUMENTS


def test_actions_read_the_documented_options() -> None:
    assert SHOW_ARGUMENTS is show.ARGUMENTS
    assert PREFLIGHT_ARGUMENTS is preflight.ARGUMENTS


def test_controller_actions_need_no_connection() -> None:
    assert not Show._requires_connection
    assert not Preflight._requires_connection


def asked(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception) -> dict[str, Any]:
    """What preflight_info says when its module answers so."""
    action = PreflightInfo(*(MagicMock() for _ in range(6)))
    outcome = {"side_effect": answer} if isinstance(answer, Exception) else {"return_value": answer}
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(action, "_execute_module", MagicMock(**outcome))
    result: dict[str, Any] = action.run(task_vars={})
    return result


def test_a_report_comes_with_the_controllers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    result = asked(monkeypatch, {"report": {"epoch": 1.0}})
    assert result["report"] == {"epoch": 1.0}
    assert 0 <= result["answered_at"] - result["asked_at"] < 60


@pytest.mark.parametrize("error", [AnsibleConnectionFailure, AnsibleAuthenticationFailure])
def test_a_host_that_does_not_answer_is_a_result(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    result = asked(monkeypatch, error("No route to host"))
    assert "No route to host" in result["unreachable_reason"]
    assert not {"failed", "unreachable", "report"} & set(result)


def test_a_host_without_python_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    result = asked(monkeypatch, {"failed": True, "msg": "The module interpreter '/usr/bin/python3' was not found."})
    assert "python3" in result["failure_reason"] and "failed" not in result


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError):
        asked(monkeypatch, RuntimeError("a fault of ours"))
