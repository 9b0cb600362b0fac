"""config/sidekiq.yml read as text: it is ERB, and hosts have no YAML parser."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._release.queues import QueuesError, parse

MASTODON_4_6 = """\
---
:concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>
:queues:
  - [default, 8]
  - [push, 6]
  - [ingress, 4]
  - [mailers, 2]
  - [pull]
  - [scheduler]
  - [fasp]

:scheduler:
  :listened_queues_only: true
  :schedule:
    scheduled_statuses_scheduler:
      every: '5m'
      queue: scheduler
"""
SEVEN = [
    ("default", 8),
    ("push", 6),
    ("ingress", 4),
    ("mailers", 2),
    ("pull", None),
    ("scheduler", None),
    ("fasp", None),
]


def test_mastodons_own_file() -> None:
    assert parse(MASTODON_4_6) == SEVEN


@pytest.mark.parametrize(
    ("text", "queues"),
    [
        (":queues:\n- default\n- push\n", [("default", None), ("push", None)]),
        ('queues:\n  - ["default", 3] # busy\n  - [low]\nother: 1\n', [("default", 3), ("low", None)]),
        (":queues:\n  - - default\n    - 8\n  - - pull\n", [("default", 8), ("pull", None)]),
        (":queues:\n  - [default, <%= ENV.fetch('WEIGHT', 7) %>]\n", [("default", 7)]),
        (":queues:\n<% if true %>\n  - [push, 6]\n<% end %>\n", [("push", 6)]),
        ("# :queues: none\n:queues:\n\n  # first\n  - :default\n", [("default", None)]),
    ],
)
def test_other_spellings(text: str, queues: list[tuple[str, int | None]]) -> None:
    assert parse(text) == queues


@pytest.mark.parametrize("text", ["", ":queues: [default]\n", ":queues:\n:x: 1\n", ":queues:\n  - [default, many]\n"])
def test_what_cannot_be_read_is_refused_instead_of_guessed(text: str) -> None:
    with pytest.raises(QueuesError, match=r"sidekiq\.yml"):
        parse(text)
