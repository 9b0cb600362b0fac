# GPL-3.0-or-later (see LICENSE)
"""Prints lines as they are. A debug task would quote and escape them, and a failing one would say them three times."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fediverse.mastodon.plugins.modules.show import ARGUMENTS
from ansible_collections.fediverse.mastodon.plugins.plugin_utils import preload

# The plan's role has this action, and every playbook begins with the plan.
preload.filters()


class ActionModule(ActionBase):
    """Runs on the controller alone."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print; fail with a short message if one is given."""
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(ARGUMENTS)
        display = Display()
        for line in arguments["lines"]:
            display.display(line)
        result["changed"] = False
        if arguments["failure"]:
            result["failed"] = True
            result["msg"] = arguments["failure"]
        return result
