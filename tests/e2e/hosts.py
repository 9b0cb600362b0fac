"""Commands on the hosts, over the connections that testinfra keeps."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from functools import cache
from typing import Any

from testinfra.host import Host
from testinfra.utils.ansible_runner import AnsibleRunner

from tests.e2e.cluster import ROOT, Cluster

RUNNER = (
    "cd /opt/mastodon/current && runuser -u mastodon -- env RAILS_ENV=production RAILS_LOG_LEVEL=fatal bin/rails runner"
)
PUSH = """
require "json"
orders = JSON.parse(ARGV.fetch(0))
orders.each do |order|
  Sidekiq::Client.push("class" => "LabWorker", "queue" => order["queue"], "args" => [order], "retry" => false)
end
"""


@cache
def host(cluster: Cluster, name: str) -> Host:
    """A host by its name in the inventory, as root, over SSH: not through Ansible for each command."""
    found = AnsibleRunner.get_runner(cluster.inventory[0]).get_host(name)
    found.backend.sudo = True
    return found


def sql(cluster: Cluster, query: str) -> list[list[str]]:
    """Rows of a query, asked as the database server's administrator."""
    database = host(cluster, cluster.settings["hosts"]["postgres"])
    out = database.check_output(
        f"cd / && runuser -u postgres -- psql -X -t -A -F '|' -d mastodon_production -c {shlex.quote(query)}"
    )
    return [line.split("|") for line in out.splitlines() if line]


def redis(cluster: Cluster, script: str) -> str:
    """What a script says on Redis' own host; its `redis` is redis-cli at the Redis of jobs, with the password."""
    name = cluster.settings["hosts"]["redis"]
    (port,) = (one["port"] for one in cluster.hosts[name]["redis"] if one["name"] == "sidekiq")
    login = "export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /etc/redis/mastodon-sidekiq.conf | tr -d '\"')"
    found: str = host(cluster, name).check_output(f'{login}\nredis() {{ redis-cli -p {port} "$@"; }}\n{script}')
    return found


def fault(lab: str, kind: str, *names: str) -> None:
    """Break or mend hosts and sites of a lab."""
    call = [sys.executable, "-m", "tests.lab", "fault", lab, kind, *names]
    subprocess.run(call, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def push(cluster: Cluster, orders: list[dict[str, Any]]) -> None:
    """Push LabWorker jobs, as the application itself does."""
    worker = host(cluster, cluster.settings["migrate_host"])
    worker.check_output(f"{RUNNER} {shlex.quote(PUSH)} {shlex.quote(json.dumps(orders))}")
