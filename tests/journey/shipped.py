"""A shipped inventory as it was before one of its worker hosts joined.

`python3 -m tests.journey.shipped LAYOUT WORKER DIRECTORY [VARIABLE …]` writes it, without these variables of hosts:
a lab has distances and addresses of its own. `inventory.write` puts the worker back, by one line.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster import ROOT

CLUSTER, GROUP = "mastodon", "sidekiq_workers"


def without(document: dict[str, Any], worker: str, forgotten: Collection[str]) -> dict[str, Any]:
    """The inventory's document with the worker in no group. Its own variables stay."""
    cluster = document[CLUSTER]
    groups = cluster["children"]
    alone = groups[GROUP]["hosts"].pop(worker)
    for hosts in [{worker: alone}, *(group["hosts"] for group in groups.values())]:
        for variables in hosts.values():
            for name in forgotten:
                (variables or {}).pop(name, None)
    # How a host is reached is said for the whole group.
    reached = {name: value for name, value in cluster.get("vars", {}).items() if name.startswith("ansible_")}
    return {**document, "ungrouped": {"hosts": {worker: {**reached, **(alone or {})}}}}


def main() -> None:
    """In one file: Molecule keeps no group_vars that it did not link, and would link those where joins write to."""
    layout, worker, place, *forgotten = sys.argv[1:]
    source = ROOT / "inventories" / layout
    document = without(yaml.safe_load((source / "hosts.yml").read_text()), worker, forgotten)
    document[CLUSTER].setdefault("vars", {}).update(
        yaml.safe_load((source / "group_vars" / f"{CLUSTER}.yml").read_text())
    )
    (Path(place) / "hosts.yml").write_text(yaml.safe_dump(document, sort_keys=False))


if __name__ == "__main__":
    main()
