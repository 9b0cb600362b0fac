#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""Configure and run a host's Redis instances without losing what they hold."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redis_instances
short_description: Configure and run a host's Redis instances without losing what they hold
version_added: 0.1.0
description:
  - Writes each instance's file and brings the running server to it by CONFIG SET; restarts only for what Redis cannot
    change while it runs.
  - Turning the append-only file on is done in the running server and waited for, because a restart would start empty.
  - Never flushes, never deletes data, never stops an instance that is not wanted any more (it is named in RV(notes)).
options:
  instances:
    description: The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Its name., type: str, required: true}
      serves: {description: Logical Redis servers in it., type: list, elements: str, default: []}
      port: {description: Its port., type: int, required: true}
      bind: {description: Its addresses., type: list, elements: str, required: true}
      maxmemory_mb: {description: Its limit in MiB; none for no limit., type: int}
      maxclients: {description: Its limit of clients; none for the one in O(settings)., type: int}
      policy: {description: What is evicted at the limit., type: str, required: true}
      appendonly: {description: Whether it survives a restart., type: bool, required: true}
  password: {description: The password; empty binds to loopback only., type: str, default: ""}
  settings: {description: Settings of all instances., type: dict, default: {}}
  restart_on: {description: Files that count only after a restart., type: list, elements: path, default: []}
  written:
    description: Paths written a moment ago (RV(fediverse.mastodon.host_files#module:written)).
    type: list
    elements: path
    default: []
attributes:
  check_mode: {description: Predicts exactly what a run does., support: full}
  diff_mode: {description: Names the files; their contents hold the password., support: partial}
  idempotent: {description: A second call changes nothing., support: full}
  platform: {description: Where it runs., platforms: debian, support: full}
author: The fediverse.mastodon contributors (@fediverse)
"""

EXAMPLES = r"""
- name: Run Redis
  fediverse.mastodon.redis_instances:
    instances:
      - {name: base, port: 6379, bind: [127.0.0.1, 10.40.0.11], policy: noeviction, appendonly: true}
    password: "{{ mastodon_secrets.redis_password }}"
"""

RETURN = r"""
actions: {description: What was done., returned: always, type: list, elements: str, sample: [set maxmemory of cache]}
notes: {description: What the admin should know., returned: always, type: list, elements: str, sample: []}
"""

import glob
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fediverse.mastodon.plugins.module_utils._host import services
from ansible_collections.fediverse.mastodon.plugins.module_utils._redis import instance as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._redis.resp import Connection, RedisError
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import (
    Changes,
    FileSpec,
    Refusal,
    Shell,
    control,
    modified,
    put_directory,
    put_file,
    read_text,
    reporting,
)

REWRITE_DEADLINE = 600.0
INSTANCE = {
    "name": {"type": "str", "required": True},
    "serves": {"type": "list", "elements": "str", "default": []},
    "port": {"type": "int", "required": True},
    "bind": {"type": "list", "elements": "str", "required": True},
    "maxmemory_mb": {"type": "int"},
    "maxclients": {"type": "int"},
    "policy": {"type": "str", "required": True},
    "appendonly": {"type": "bool", "required": True},
}
SPEC = {
    "instances": {"type": "list", "elements": "dict", "required": True, "options": INSTANCE},
    "password": {"type": "str", "default": "", "no_log": True},
    "settings": {"type": "dict", "default": {}},
    "restart_on": {"type": "list", "elements": "path", "default": []},
    "written": {"type": "list", "elements": "path", "default": []},
}


class Server:
    """One instance on this host."""

    def __init__(self, module: AnsibleModule, changes: Changes, this: core.Instance) -> None:
        self.module, self.changes, self.shell, self.this = module, changes, Shell(module), this
        password = module.params["password"]
        self.wanted = core.settings(this, password, module.params["settings"])
        self.before = core.parse(read_text(this.config) or "")
        note = core.addresses(this, password)[1]
        changes.notes += [note] if note else []

    def do(self, *step: str) -> None:
        self.changes.actions.append(" ".join(step))
        if not self.module.check_mode:
            control(self.shell, step)

    def write(self) -> None:
        put_directory(self.module, self.this.directory, self.changes, owner="redis", group="redis", mode="0750")
        put_directory(self.module, self.this.users, self.changes, owner="root", group="redis", mode="0750")
        spec = FileSpec(self.this.config, core.render(self.wanted, self.this.users), "0640", "root", "redis")
        put_file(self.module, spec, self.changes, secret=True)

    def connect(self) -> Connection:
        """To the running server, which may still have the port and the password of the run before."""
        problem: RedisError | None = None
        for known in (self.wanted, self.before):
            if not known:
                continue
            connection = None
            try:
                connection = Connection(known["bind"].split()[0], int(known["port"]))
                if known["requirepass"]:
                    connection.call("AUTH", known["requirepass"])
                connection.call("PING")
                return connection
            except RedisError as error:
                problem = error
                if connection:
                    connection.close()
        raise problem or RedisError("no configuration")

    def run(self, state: dict[str, str]) -> None:
        """Start it, or bring the running server to its settings."""
        params = self.module.params
        wish = services.Wish(self.this.unit, restart_on=tuple(params["restart_on"]))
        todo = services.steps(state, wish, modified, params["written"])
        if ("start", self.this.unit) in todo:
            self.refuse_start()
        elif self.adapt() and ("restart", self.this.unit) not in todo:
            todo.append(("restart", self.this.unit))
        for step in todo:
            self.do(*step)

    def refuse_start(self) -> None:
        """Refuse a start that would fail or lose data."""
        dump = os.path.exists(f"{self.this.directory}/dump.rdb")
        log = bool(glob.glob(f"{self.this.directory}/appendonlydir/*.manifest"))
        if core.would_start_empty(self.this.appendonly, dump, log):
            raise Refusal(
                f"Redis {self.this.name}: {self.this.directory}/dump.rdb is there without an append-only file, so "
                "Redis would start empty. Run once with appendonly: false (loads the snapshot), then again with true."
            )
        try:
            Connection(self.wanted["bind"].split()[0], self.this.port, 2.0).close()
        except RedisError:
            return
        raise Refusal(
            f"Redis {self.this.name}: port {self.this.port} is taken by another program (`ss -ltnp` names it). Stop "
            "it, or give the instance another port."
        )

    def adapt(self) -> bool:
        """Change what can be changed in the running server. Returns whether the rest needs a restart."""
        try:
            connection = self.connect()
        except RedisError:
            return True  # a run died between writing the file and telling the server: the restart reads the file
        reply = connection.call("CONFIG", "GET", "*")
        pairs = [str(item) for item in reply] if isinstance(reply, list) else []
        running = dict(zip(pairs[::2], pairs[1::2]))
        unknown = core.unknown(self.wanted, running)
        if unknown:
            raise Refusal(f"Redis {self.this.name}: this version has no setting {', '.join(unknown)}; take it out.")
        live, fixed = core.split(core.differing(self.wanted, running))
        for name in live:
            self.changes.actions.append(f"set {name} of {self.this.name}")
            if not self.module.check_mode:
                connection.call("CONFIG", "SET", name, self.wanted[name])
        if "appendonly" in live and self.this.appendonly and not self.module.check_mode:
            self.wait_for_log(connection)
        connection.close()
        return bool(fixed)

    def wait_for_log(self, connection: Connection) -> None:
        """Until the append-only file holds everything."""
        deadline = time.monotonic() + REWRITE_DEADLINE
        while True:
            info = core.info(str(connection.call("INFO", "persistence")))
            busy = info["aof_rewrite_in_progress"] + info.get("aof_rewrite_scheduled", "0")
            if busy == "00" and info["aof_last_bgrewrite_status"] == "ok":
                return
            if time.monotonic() > deadline:
                raise Refusal(
                    f"Redis {self.this.name}: no append-only file after {REWRITE_DEADLINE:.0f} s; see its journal."
                )
            time.sleep(0.2)


def leftovers(shell: Shell, wanted: set[str]) -> list[str]:
    """Instances that run and are not in the plan any more."""
    argv = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "mastodon-redis@*.service"]
    running = re.findall(r"^(\S+)", shell.run(argv).out, re.MULTILINE)
    return [
        f"{unit} still runs and is not planned any more: move what it holds, then `systemctl disable --now {unit}`."
        for unit in running
        if unit not in wanted
    ]


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    changes, shell = Changes(), Shell(module)
    with reporting(module):
        instances = [
            core.Instance(**{**item, "bind": tuple(item["bind"]), "serves": tuple(item["serves"])})
            for item in module.params["instances"]
        ]
        servers = [Server(module, changes, this) for this in instances]
        for server in servers:
            server.write()
        units = [this.unit for this in instances]
        show = ["systemctl", "show", "--timestamp=us+utc", "-p", ",".join(services.PROPERTIES), *units]
        states = services.parse_show(shell.run(show).out)
        if any(state["NeedDaemonReload"] == "yes" for state in states.values()) and not module.check_mode:
            shell.run(["systemctl", "daemon-reload"])
        for server in servers:
            server.run(states[server.this.unit])
        changes.notes += leftovers(shell, set(units))
    module.exit_json(**changes.result())


if __name__ == "__main__":
    main()
