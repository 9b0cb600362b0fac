"""A run imports the filters once: in the process that those of all tasks are forked from."""

from __future__ import annotations

import subprocess
import sys

from tests.repo.repository import FILTERS, ROOT

LOOK = """
import sys
from ansible_collections.fediverse.mastodon.plugins.action import show
print(*[name.rpartition(".")[2] for name in sys.modules if name.startswith(show.preload.FILTERS + ".")])
"""


def test_the_action_of_the_plan_brings_all_filters() -> None:
    call = [sys.executable, "-c", LOOK]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env={"PYTHONPATH": f"{ROOT}/.collections"})
    assert set(done.stdout.split()) == {path.stem for path in FILTERS}
