# GPL-3.0-or-later (see LICENSE)
"""Judges what preflight_info found on all hosts of the play, in one message. Runs on the controller alone."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.fediverse.mastodon.plugins.module_utils._plan import preflight
from ansible_collections.fediverse.mastodon.plugins.modules.preflight import ARGUMENTS

RESULT = "__preflight_result"


class ActionModule(ActionBase):
    """Cross-host by nature: it reads every host's registered result, so that no role has to."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print every finding; fail if one of them must end the run."""
        result = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        hosts = [str(host) for host in variables["ansible_play_hosts_all"]]
        results = {host: variables["hostvars"][host].get(RESULT, {}) for host in hosts}
        judgement = preflight.judge(results, variables.get("mastodon_plan") or {}, preflight.Limits(**given))
        for line in judgement.lines():
            Display().display(line)
        result["changed"] = False
        if judgement.problems:
            result["failed"] = True
            result["msg"] = "The hosts are not ready; what to correct is listed above."
        return result
