"""A shipped inventory as it was before one of its worker hosts joined.

`python3 -m tests.journey.shipped LAYOUT WORKER DIRECTORY [VARIABLE …]` writes it, without these variables of hosts:
a lab has distances and addresses of its own. `inventory.write` puts the worker back, by one line.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster import ROOT

GROUP = "sidekiq_workers"


def without(document: dict[str, Any], worker: str, forgotten: Collection[str]) -> dict[str, Any]:
    """The inventory's document with the worker in no group. Its own variables stay."""
    groups = document["mastodon"]["children"]
    alone = groups[GROUP]["hosts"].pop(worker)
    for hosts in [{worker: alone}, *(group["hosts"] for group in groups.values())]:
        for variables in hosts.values():
            for name in forgotten:
                (variables or {}).pop(name, None)
    # How its user is called is said for the whole group.
    return {**document, "ungrouped": {"hosts": {worker: {**document["mastodon"].get("vars", {}), **(alone or {})}}}}


def main() -> None:
    """What lies in the directory of an earlier run is no part of it."""
    layout, worker, place, *forgotten = sys.argv[1:]
    source, target = ROOT / "inventories" / layout, Path(place)
    document = without(yaml.safe_load((source / "hosts.yml").read_text()), worker, forgotten)
    for name in ("group_vars", "host_vars"):
        shutil.rmtree(target / name, ignore_errors=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
    (target / "hosts.yml").write_text(yaml.safe_dump(document, sort_keys=False))


if __name__ == "__main__":
    main()
