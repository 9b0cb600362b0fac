#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Make, configure and run a PostgreSQL cluster with Debian's tools."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_cluster
short_description: Make, configure and run a PostgreSQL cluster with Debian's tools
version_added: 0.1.0
description:
  - Makes the cluster when it is missing, writes our file in C(conf.d) and C(pg_hba.conf), and lets the server itself
    check both.
  - Reloads where that is enough; restarts only when C(pg_settings.pending_restart) says so, and names the settings.
options:
  version: {description: Major version., type: str, required: true}
  name: {description: Name of the cluster., type: str, default: main}
  settings: {description: Settings for conf.d., type: dict, required: true}
  database: {description: The database of the pg_hba lines., type: str, required: true}
  user: {description: The role of the pg_hba lines., type: str, required: true}
  clients:
    description: Hosts that may log in.
    type: list
    elements: dict
    required: true
    suboptions:
      host: {description: Name of the host., type: str, required: true}
      address: {description: Its address with a prefix length., type: str, required: true}
      role: {description: Who it logs in as, if not O(user)., type: str}
  hba_additional: {description: More lines for pg_hba.conf., type: list, elements: str, default: []}
attributes:
  check_mode:
    description: Predicts a run, restarts included; another spelling of the same value is taken for another value.
    support: partial
  diff_mode: {description: Shows both files., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Run the cluster
  fediverse.mastodon.postgres_cluster:
    version: "17"
    settings: {listen_addresses: "127.0.0.1", port: 5432}
    database: mastodon_production
    user: mastodon
    clients: [{host: main, address: 10.40.0.11/32}]
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: [reload postgresql@17-main.service]
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
"""

import os
import time
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres import cluster
from ansible_collections.fediverse.mastodon.plugins.module_utils._postgres.psql import Psql
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    Shell,
    put_file,
    read_text,
    reporting,
)

SPEC = {
    "version": {"type": "str", "required": True},
    "name": {"type": "str", "default": "main"},
    "settings": {"type": "dict", "required": True},
    "database": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "clients": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "host": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "role": {"type": "str"},
        },
    },
    "hba_additional": {"type": "list", "elements": "str", "default": []},
}
HBA_MISTAKES = "SELECT 'pg_hba.conf:' || line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL"
# Settings that the running server reads only when it starts; which they are depends on its version.
ONLY_AT_START = "SELECT name FROM pg_settings WHERE context = 'postmaster'"
PENDING = "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name"
RELOAD_DEADLINE = 10.0


class Cluster:
    """One cluster and its files."""

    def __init__(self, module: AnsibleModule, changes: Changes) -> None:
        params = module.params
        self.module, self.changes, self.shell = module, changes, Shell(module)
        self.version, self.name = params["version"], params["name"]
        self.unit = f"postgresql@{self.version}-{self.name}.service"
        self.directory = f"/etc/postgresql/{self.version}/{self.name}"
        self.changed: list[str] = []
        self.port = str(params["settings"].get("port", 5432))
        self.files = [
            FileSpec(f"{self.directory}/conf.d/50-mastodon.conf", cluster.render_conf(params["settings"]), "0644"),
            FileSpec(
                f"{self.directory}/pg_hba.conf",
                cluster.render_hba(params["database"], params["user"], params["clients"], params["hba_additional"]),
                "0640",
                "postgres",
                "postgres",
            ),
        ]

    @property
    def psql(self) -> Psql:
        """On the port that the server has now, which is not the wanted one when that is about to change."""
        lock = (read_text(f"/var/lib/postgresql/{self.version}/{self.name}/postmaster.pid") or "").splitlines()
        return Psql(self.shell, lock[3] if len(lock) > 3 else self.port)

    def make(self) -> None:
        """Encoding and collation of the cluster are the database's, so that template1 and postgres agree with it."""
        if os.path.exists(f"{self.directory}/postgresql.conf"):
            return
        self.changes.actions.append(f"create cluster {self.version}/{self.name}")
        if not self.module.check_mode:
            options = ["--encoding=UTF8", "--locale=C.UTF-8", "--lc-collate=C", "--start-conf=auto"]
            self.shell.run(["pg_createcluster", *options, self.version, self.name, "--", "--data-checksums"])

    def control(self, verb: str) -> None:
        self.changes.actions.append(f"{verb} {self.unit}")
        if self.module.check_mode:
            return
        self.shell.run(["systemctl", verb, self.unit])
        if verb != "reload":
            self.wait_until_up()

    def running(self) -> bool:
        # The unit ignores a failed start, so systemd's word is not enough.
        return self.psql.ready()

    def wait_until_up(self) -> None:
        """A restart after a crash may take long; the unit has no limit and neither should a run have a short one."""
        for _ in range(600):
            if self.psql.ready():
                return
            time.sleep(0.2)
        path = f"/var/log/postgresql/postgresql-{self.version}-{self.name}.log"
        log = self.shell.run(["tail", "-n", "15", path], check=False)
        raise Refusal(f"{self.unit} does not answer on its socket. Its log ends with:\n{log.out}")

    def mistakes(self) -> list[str]:
        """What PostgreSQL refuses in files that no server has read yet.

        pg_file_settings will not do: it says the same of a wrong value and of one that only waits for a restart.
        """
        argv = [f"/usr/lib/postgresql/{self.version}/bin/postgres", "-C", "data_directory"]
        argv += ["-c", f"config_file={self.directory}/postgresql.conf"]
        done = self.shell.run(argv, user="postgres", check=False)
        found = [line for line in done.err.splitlines() if line.strip()] if done.code else []
        return found + (self.psql.column(HBA_MISTAKES) if self.running() else [])

    def write(self) -> bool:
        """Both files, checked; what PostgreSQL refuses is taken back."""
        before = {spec.path: read_text(spec.path) or "" for spec in self.files}
        self.changed = cluster.changed(before[self.files[0].path], self.files[0].content)
        results = [put_file(self.module, spec, self.changes) for spec in self.files]
        changed = any(results)
        mistakes = self.mistakes() if changed and not self.module.check_mode else []
        if mistakes:
            for spec in self.files:
                put_file(self.module, replace(spec, content=before[spec.path]), Changes())
            raise Refusal(f"PostgreSQL refuses its new configuration, the old one stays: {'; '.join(mistakes)}")
        return changed

    def reload(self) -> None:
        """Reload, and wait until the server has read its files: only then pending_restart tells the truth."""
        before = self.psql.value("SELECT pg_conf_load_time()")
        self.control("reload")
        deadline = time.monotonic() + RELOAD_DEADLINE
        while self.psql.value("SELECT pg_conf_load_time()") == before:
            if time.monotonic() > deadline:
                raise Refusal(f"{self.unit} did not read its configuration within {RELOAD_DEADLINE:.0f} s.")
            time.sleep(0.05)

    def pending(self) -> list[str]:
        """Settings that wait for a restart. In check mode also those of the new file that would."""
        found = self.psql.column(PENDING)
        if self.module.check_mode and self.changed:
            only = set(self.psql.column(ONLY_AT_START))
            found = sorted({*found, *(name for name in self.changed if name in only)})
        return found

    def react(self, changed: bool) -> None:
        running = self.running()
        if running and changed and not self.module.check_mode:
            self.reload()
        pending = self.pending() if running else []
        if pending:
            self.changes.notes.append(cluster.restarting(pending, now=not self.module.check_mode))
        reaction = cluster.reaction(changed and self.module.check_mode, running, pending)
        if reaction:
            self.control(reaction)


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    with reporting(module):
        this = Cluster(module, changes)
        this.make()
        if not (module.check_mode and changes.actions):
            this.react(this.write())
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
