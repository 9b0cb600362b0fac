# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox that all processes of the app share.

The set of upstream's own units, for our paths: the release is read-only but for tmp/ and log/. Not set, because the
JIT compilers of Ruby and Node need it off: MemoryDenyWriteExecute.
"""

from __future__ import annotations

from collections.abc import Sequence

from .model import UnitsError

_COMMON = """\
ProcSubset=pid
ProtectProc=invisible
CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateMounts=yes
ProtectHostname=yes
ProtectClock=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
UMask=0027
SystemCallArchitectures=native
"""

_SYSTEM_CALLS = {
    # @chown, pipe and pipe2 are parts of denied groups that Ruby needs.
    "ruby": """\
SystemCallFilter=~@cpu-emulation @debug @keyring @ipc @mount @obsolete @privileged @setuid
SystemCallFilter=@chown
SystemCallFilter=pipe
SystemCallFilter=pipe2
""",
    "node": """\
SystemCallFilter=~@cpu-emulation @debug @keyring @ipc @memlock @mount @obsolete @privileged @resources @setuid
SystemCallFilter=pipe
SystemCallFilter=pipe2
""",
}


def sandbox(runtime: str, writable: Sequence[str]) -> str:
    """Lines of a [Service] section. A leading '-' of a path lets it be missing."""
    if runtime not in _SYSTEM_CALLS:
        raise UnitsError(f"no sandbox for {runtime!r}: there is one for {' and '.join(_SYSTEM_CALLS)}")
    paths = "".join(f"ReadWritePaths={path}\n" for path in writable)
    return (_COMMON + paths + _SYSTEM_CALLS[runtime]).rstrip("\n")
