# GPL-3.0-or-later (see LICENSE)
"""Who a worker host is to PostgreSQL and Redis, decided on the controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._join import identity as core
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.filters import told


def worker_identity(worker: str, kind: str = core.PER_WORKER) -> dict[str, Any]:
    """worker, kind, user."""
    return asdict(core.identity(worker, kind))


class FilterModule:
    """Found by Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names of the filters in this file."""
        return {
            "worker_identity": told(worker_identity, ValueError),
            "worker_secrets": told(core.own_secrets, ValueError),
        }
