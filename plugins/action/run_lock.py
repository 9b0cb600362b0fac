# GPL-3.0-or-later (see LICENSE)
"""Takes the lock on the controller, then the one on the host. Only here is the run's own process known."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import lock as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import lock
from ansible_collections.fediverse.mastodon.plugins.modules.run_lock import ARGUMENTS

MODULE = "fediverse.mastodon.run_lock"


class ActionModule(ActionBase):
    """Tasks run in a child of the run's main process, so that one is our parent."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Both locks or none."""
        result = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(ARGUMENTS)
        mine = lock.this_run(os.getppid(), given["what"])
        try:
            answer = self._both(given, mine, task_vars)
        except Refusal as refusal:
            answer = {"failed": True, "msg": str(refusal), "notes": []}
        for note in answer.get("notes", []):
            Display().warning(f"The lock of this run was {note}.")
        return {**result, **answer, "changed": False}

    def _both(self, given: dict[str, Any], mine: core.Holder, task_vars: Any) -> dict[str, Any]:
        path, dry = given["controller_path"], self._task.check_mode
        if given["state"] == "absent":
            if not dry:
                lock.give_back(path, mine)
            return self._on_host(given, mine, [], task_vars)
        if dry:
            verdict, _held = lock.look(path, mine, stale_after=given["stale_after"])
        else:
            verdict, _held = lock.take(path, mine, stale_after=given["stale_after"], force=given["force"])
        if verdict.is_held:
            return {"failed": True, "msg": verdict.text, "notes": []}
        answer = self._on_host(given, mine, [], task_vars)
        held = answer.get("held")
        if answer.get("failed") and held:
            # The host cannot know whether that process of our machine still runs; we can.
            other = core.holder_from(held)
            if other.machine == mine.machine and not lock.is_alive(other):
                answer = self._on_host(given, mine, [other.token], task_vars)
        if (answer.get("failed") or answer.get("unreachable")) and not dry:
            lock.give_back(path, mine)
        if verdict.text and not answer.get("failed"):
            answer["notes"] = sorted({verdict.text, *answer.get("notes", [])})
        return answer

    def _on_host(self, given: dict[str, Any], mine: core.Holder, gone: list[str], task_vars: Any) -> dict[str, Any]:
        arguments = {**given, "holder": vars(mine), "gone": gone}
        found: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        return found
