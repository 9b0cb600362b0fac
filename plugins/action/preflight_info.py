# GPL-3.0-or-later (see LICENSE)
"""Asks one host what it is. That it does not answer is an answer too, so that a play can tell of all hosts at once."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs the module of the same name on the host, and notes the controller's clock around it."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Never fails: the result has a report, or the reason why there is none."""
        result = super().run(tmp, task_vars)
        result["changed"] = False
        asked_at = time.time()
        try:
            answer = self._execute_module(task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            return {**result, "unreachable_reason": str(error)}
        if "report" not in answer:
            return {
                **result,
                "failure_reason": str(answer.get("msg") or answer.get("module_stderr") or "no reason given"),
            }
        return {**result, "report": answer["report"], "asked_at": asked_at, "answered_at": time.time()}
