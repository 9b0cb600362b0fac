"""Actions that run on the controller take exactly what their documentation says."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.action import preflight as preflight_action
from ansible_collections.fediverse.mastodon.plugins.action import show as show_action
from ansible_collections.fediverse.mastodon.plugins.modules import preflight, show


@pytest.mark.parametrize("module", [show, preflight], ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_documented_options_are_the_accepted_ones(module: ModuleType) -> None:
    documented: dict[str, dict[str, Any]] = yaml.safe_load(module.DOCUMENTATION)["options"]
    for option in documented.values():
        del option["description"]
    assert documented == module.ARGUMENTS


def test_actions_read_the_documented_options() -> None:
    assert show_action.ARGUMENTS is show.ARGUMENTS
    assert preflight_action.ARGUMENTS is preflight.ARGUMENTS


def test_controller_actions_need_no_connection() -> None:
    assert not show_action.ActionModule._requires_connection
    assert not preflight_action.ActionModule._requires_connection
