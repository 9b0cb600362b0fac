# GPL-3.0-or-later (see LICENSE)
"""A worker's opening in this host's firewall, live and in the file; a word about it where the firewall is not ours."""

from __future__ import annotations

import os
import shutil

from .._join import access_firewall as core
from .._join.access import Grant
from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_directory, put_file

PLACES = "/usr/sbin:/usr/bin:/sbin:/bin"


class FirewallAccess:
    """The nftables of this host."""

    def __init__(self, module: Module, changes: Changes, grant: Grant, ports: list[int]) -> None:
        self.module, self.changes, self.grant, self.ports = module, changes, grant, ports
        self.shell = Shell(module)
        self.nft = shutil.which("nft", path=PLACES)
        table = self._ask("table", core.FAMILY, core.TABLE)
        self.sets = core.members(table) if table else None

    def present(self) -> int:
        """Add what is missing."""
        if self._elsewhere() or self.sets is None:
            return 0
        name, address = core.set_name(self.grant.address), self.grant.address
        if name not in self.sets:
            raise Refusal(f"nftables: table {core.FAMILY} {core.TABLE} has no set {name}. Load its file anew.")
        put_directory(self.module, core.DIRECTORY, self.changes, owner="root", group="root", mode="0755")
        spec = FileSpec(core.path(self.grant.worker), core.content(address, self.ports))
        put_file(self.module, spec, self.changes)
        wanted = core.elements(address, self.ports)
        self._change("add", name, [one for one in wanted if one not in self.sets[name]])
        known = core.of_host(self.sets[name], address.split("/")[0])
        self._change("delete", name, [one for one in known if one not in wanted])
        return 0

    def absent(self) -> int:
        """Remove what is there. Established connections are ended by the services."""
        if self._elsewhere() or self.sets is None:
            return 0
        path = core.path(self.grant.worker)
        if os.path.exists(path):
            self.changes.actions.append(f"remove {path}")
            if not self.module.check_mode:
                os.unlink(path)
        if self.grant.address:
            name = core.set_name(self.grant.address)
            host = self.grant.address.split("/")[0]
            self._change("delete", name, core.of_host(self.sets.get(name, set()), host))
        return 0

    def _elsewhere(self) -> bool:
        if self.sets is not None:
            return False
        others = core.filters(self._ask("chains"))
        self.changes.notes.append(core.unmanaged(others, self.grant.worker, self.grant.address, self.ports) + ".")
        return True

    def _ask(self, *what: str) -> str:
        """nft's JSON; empty where there is no nft, or no such table."""
        if not self.nft:
            return ""
        done = self.shell.run([self.nft, "-j", "list", *what], check=False)
        return done.out if done.code == 0 else ""

    def _change(self, verb: str, name: str, elements: list[str]) -> None:
        if not elements:
            return
        listed = ", ".join(elements)
        self.changes.actions.append(f"{verb} {listed} of the firewall's {name}")
        if not self.module.check_mode and self.nft:
            self.shell.run([self.nft, verb, "element", core.FAMILY, core.TABLE, name, f"{{ {listed} }}"])
