"""The filters as templates call them: with Ansible's own lazy, tagged containers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template


def templated(text: str, **variables: Any) -> Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text))


def test_units_of_templated_instances() -> None:
    instances = [{"name": "4000", "address": "127.0.0.1", "port": trust_as_template("{{ 3999 + 1 }}"), "db_pool": 4}]
    (unit,) = templated("{{ given | fediverse.mastodon.streaming_units({}, 'h') }}", given=instances)
    assert unit["health_url"] == "http://127.0.0.1:4000/api/v1/streaming/health"


def test_resolved_queues_go_on_into_units() -> None:
    given = [{"name": "main", "queues": [["push", 6], ["gone", 1]], "threads": 5, "db_pool": 5, "takes_rest": True}]
    resolved = templated(
        "{{ given | fediverse.mastodon.resolve_queues(release, ['push']) }}",
        given=given,
        release=[["push", 6], ["new", None]],
    )
    (unit,) = templated(
        "{{ resolved['instances'] | fediverse.mastodon.sidekiq_units({'version': 'v1'}, {}, 60) }}", resolved=resolved
    )
    assert 'SIDEKIQ_ARGUMENTS="-c 5 -t 60 -g main@v1 -q push,6 -q new,1"' in unit["files"][0]["content"]
    assert len(resolved["notes"]) == 2


def test_a_refusal_reaches_the_admin_in_words() -> None:
    with pytest.raises(AnsibleError) as caught:
        templated("{{ given | fediverse.mastodon.resolve_queues([['push', 6]]) }}", given=[{"name": "a", "queues": []}])
    assert "instance a would listen to no queue" in str(caught.value)
