#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Configure and run PgBouncer without dropping its clients."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pgbouncer_pools
short_description: Configure and run PgBouncer without dropping its clients
version_added: 0.1.0
description:
  - Writes C(pgbouncer.ini) and C(userlist.txt), reloads, and asks the pooler itself (SHOW CONFIG, SHOW DATABASES)
    whether it took them.
  - Restarts only for what PgBouncer calls not changeable (its address and port). An upgraded package restarts itself.
  - The limit of open files is raised in the running process.
options:
  settings: {description: Section C(pgbouncer)., type: dict, required: true}
  pools:
    description: Databases behind the pooler.
    type: list
    elements: dict
    required: true
    suboptions:
      database: {description: Its name., type: str, required: true}
      host: {description: Address of PostgreSQL., type: str, required: true}
      port: {description: Port of PostgreSQL., type: int, required: true}
      pool_size: {description: Connections to PostgreSQL., type: int, required: true}
      reserve: {description: More of them in need., type: int, required: true}
  users: {description: Names and passwords of those who may log in., type: dict, required: true}
  nofile: {description: Open files., type: int, required: true}
  written:
    description: Paths written a moment ago (RV(fediverse.mastodon.host_files#module:written)).
    type: list
    elements: path
    default: []
attributes:
  check_mode: {description: Predicts a run; whether a reload is enough is known only afterwards., support: partial}
  diff_mode: {description: Shows pgbouncer.ini., support: full}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Run the pooler
  fediverse.mastodon.pgbouncer_pools:
    settings: {listen_addr: 127.0.0.1, listen_port: 6432, pool_mode: transaction}
    pools: [{database: mastodon_production, host: 10.40.0.13, port: 5432, pool_size: 20, reserve: 5}]
    users: {mastodon: "{{ mastodon_secrets.postgres_password }}"}
    nofile: 4096
"""

RETURN = r"""
actions: {description: What was done., returned: always, type: list, elements: str, sample: [reload pgbouncer.service]}
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils import _pgbouncer as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import services
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    Shell,
    modified,
    put_file,
    read_text,
    reporting,
)

INI = "/etc/pgbouncer/pgbouncer.ini"
USERLIST = "/etc/pgbouncer/userlist.txt"
UNIT = "pgbouncer.service"
PROGRAM = "/usr/sbin/pgbouncer"
SOCKETS = "/var/run/postgresql"
RELOAD_DEADLINE = 5.0
POOL = {
    "database": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "pool_size": {"type": "int", "required": True},
    "reserve": {"type": "int", "required": True},
}
SPEC = {
    "settings": {"type": "dict", "required": True},
    "pools": {"type": "list", "elements": "dict", "required": True, "options": POOL},
    "users": {"type": "dict", "required": True, "no_log": True},
    "nofile": {"type": "int", "required": True},
    "written": {"type": "list", "elements": "path", "default": []},
}


class Pooler:
    """The pooler of this host."""

    def __init__(self, module: AnsibleModule, changes: Changes) -> None:
        self.module, self.changes, self.shell = module, changes, Shell(module)
        self.pools = [core.Pool(**pool) for pool in module.params["pools"]]
        installed = os.path.exists(PROGRAM)
        output = self.shell.run([PROGRAM, "--version"]).out if installed else ""
        fixed = {"unix_socket_dir": SOCKETS, "auth_file": USERLIST, "pidfile": f"{SOCKETS}/pgbouncer.pid"}
        wanted = {**module.params["settings"], **fixed}
        self.settings, refusal = core.effective(wanted, core.version(output))
        if refusal and installed:
            raise Refusal(refusal)
        # The console listens on the port that the running pooler was started with.
        self.port = core.setting(read_text(INI) or "", "listen_port", self.settings.get("listen_port", "6432"))

    def console(self, command: str) -> list[dict[str, str]]:
        """Ask on the admin console: the pooler's own user gets in by the socket without a password."""
        argv = ["psql", "-XAq", "-F|", "-h", SOCKETS, "-p", self.port, "-U", "pgbouncer", "-d", "pgbouncer"]
        return core.table(self.shell.run([*argv, "-c", command], user="postgres").out)

    def stale(self) -> core.Stale:
        shown, databases = self.console("SHOW CONFIG"), self.console("SHOW DATABASES")
        return core.stale(self.settings, self.pools, shown, databases)

    def state(self) -> dict[str, str]:
        properties = ",".join([*services.PROPERTIES, "MainPID"])
        shown = self.shell.run(["systemctl", "show", "--timestamp=us+utc", "-p", properties, UNIT]).out
        return services.parse_show(shown)[UNIT]

    def do(self, *step: str) -> None:
        self.changes.actions.append(" ".join(step))
        if not self.module.check_mode:
            self.shell.run(["systemctl", *step])

    def write(self) -> list[str]:
        self.before = read_text(INI)
        ini = FileSpec(INI, core.render_ini(self.settings, self.pools), "0640", "postgres", "postgres")
        users = FileSpec(USERLIST, core.render_userlist(self.module.params["users"]), "0640", "postgres", "postgres")
        changed = [(INI, put_file(self.module, ini, self.changes))]
        changed.append((USERLIST, put_file(self.module, users, self.changes, secret=True)))
        return [path for path, differs in changed if differs]

    def run(self, written: list[str]) -> None:
        """Start, reload or restart."""
        state = self.state()
        if state["NeedDaemonReload"] == "yes" and not self.module.check_mode:
            self.shell.run(["systemctl", "daemon-reload"])
        wish = services.Wish(UNIT, reload_on=(INI, USERLIST))
        todo = services.steps(state, wish, modified, written)
        for step in todo:
            self.do(*step)
        if ("start", UNIT) in todo or self.module.check_mode:
            return
        if not self.took():
            self.do("restart", UNIT)

    def took(self) -> bool:
        """Whether the pooler has what its files say; false when only a restart can bring that."""
        deadline = time.monotonic() + RELOAD_DEADLINE
        while True:
            try:
                stale = self.stale()
            except Refusal:
                return False  # no console on this port: a run died between writing another port and the restart
            if stale.restart:
                return False
            if not stale.reload:
                return True
            if time.monotonic() > deadline:
                said = self.shell.run(["journalctl", "--no-pager", "-o", "cat", "-n", "10", "-u", UNIT]).out
                self.take_back()
                why = core.complaints(said) or f"it did not take {', '.join(stale.reload)}"
                raise Refusal(f"PgBouncer refuses its new configuration, the old one stays: {why}")
            time.sleep(0.1)

    def take_back(self) -> None:
        """A refused file must not lie in wait for the next start."""
        if self.before:
            put_file(self.module, FileSpec(INI, self.before, "0640", "postgres", "postgres"), Changes())
            self.shell.run(["systemctl", "reload", UNIT])

    def raise_files(self) -> None:
        """Raise the limit in the running process, so that more clients need no restart."""
        pid, wanted = self.state()["MainPID"], self.module.params["nofile"]
        soft, hard = core.open_files(read_text(f"/proc/{pid}/limits") or "")
        reachable = min(wanted, hard)
        if reachable < wanted:
            self.changes.notes.append(f"PgBouncer may open {reachable} files, not {wanted}: this host's own limit.")
        if soft < reachable:
            self.changes.actions.append(f"raise open files from {soft} to {reachable}")
            if not self.module.check_mode:
                # As the process's own user: root would need CAP_SYS_RESOURCE, which a container may not have.
                self.shell.run(["prlimit", "--pid", pid, f"--nofile={reachable}:{hard}"], user="postgres")


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes = Changes()
    with reporting(module):
        this = Pooler(module, changes)
        this.run(this.write() + module.params["written"])
        this.raise_files()
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
