# GPL-3.0-or-later (see LICENSE)
"""The cluster's table in this host's nftables: files for the next start, and the kernel's own now."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from .._join.access_firewall import DIRECTORY, FAMILY, TABLE
from .._shell import Changes, FileSpec, Module, Refusal, Shell, drop_files, put_directory, put_file, read_text
from . import firewall as core
from .firewall import Client

NFT = "/usr/sbin/nft"
LIST = (NFT, "-j", "list", "table", FAMILY, TABLE)
# In a network namespace of its own, which ends with the command: nft says what the text means, and nobody is filtered.
PREVIEW = ("unshare", "--net", "--", "sh", "-c", f"{NFT} -f - && {' '.join(LIST)}")


class Guard:
    """The table of this host."""

    def __init__(self, module: Module, changes: Changes, path: str = core.PATH, directory: str = DIRECTORY) -> None:
        self.module, self.changes, self.path, self.directory = module, changes, path, directory
        self.shell = Shell(module)

    def present(self, ports: Sequence[int], interface: str, clients: Sequence[Client]) -> None:
        """Guard these ports. What nft refuses changes nothing."""
        own = core.client_files(clients)
        files = {**self._foreign(), **own}
        wanted = self._preview(core.whole(ports, interface, files))
        put_directory(self.module, self.directory, self.changes, owner="root", group="root", mode="0755")
        for path, content in {**own, self.path: core.main_file(ports, interface)}.items():
            put_file(self.module, FileSpec(path, content), self.changes)
        self._drop(set(files))
        if wanted is not None and core.same(self._live(), wanted):
            return
        self.changes.actions.append(f"load table {FAMILY} {TABLE}")
        if self.module.check_mode:
            return
        self.shell.run([NFT, "-f", self.path])
        if wanted is None or not core.same(self._live(), wanted):
            raise Refusal(
                f"nftables took {self.path}, but its table {FAMILY} {TABLE} is another one:"
                f" see `nft list table {FAMILY} {TABLE}`, and who else changes it."
            )

    def absent(self) -> None:
        """Guard nothing. Files of the admin's own stay, and are loaded by nobody."""
        self._drop(set(self._foreign()))
        drop_files(self.module, self.path, set(), self.changes)
        if os.path.exists(NFT) and self._live():
            self.changes.actions.append(f"remove table {FAMILY} {TABLE}")
            if not self.module.check_mode:
                self.shell.run([NFT, "delete", "table", FAMILY, TABLE])

    def _foreign(self) -> dict[str, str]:
        texts = {path: read_text(path) or "" for path in glob.glob(f"{self.directory}/*.nft")}
        return {path: text for path, text in texts.items() if not core.is_ours(text)}

    def _drop(self, keep: set[str]) -> None:
        drop_files(self.module, f"{self.directory}/*.nft", keep, self.changes)

    def _live(self) -> str:
        done = self.shell.run(list(LIST), check=False)
        return done.out if done.code == 0 else ""

    def _preview(self, text: str) -> str | None:
        """What the kernel would list; None in check mode before the package is there."""
        if self.module.check_mode and not os.path.exists(NFT):
            return None
        done = self.shell.run(list(PREVIEW), text=text, check=False)
        if done.code != 0:
            raise Refusal(
                f"nftables refuses the table {FAMILY} {TABLE}; nothing was changed: {(done.err or done.out).strip()}."
                f" Mend the files in {self.directory} that are not ours, or set mastodon_firewall: false."
            )
        return done.out
