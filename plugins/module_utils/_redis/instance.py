# GPL-3.0-or-later (see LICENSE)
"""One Redis instance: its settings, its file, and which of its differences need a restart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HEADER = "# Managed by fediverse.mastodon (role redis); local changes are overwritten."
LOOPBACK = ("127.0.0.1", "::1")
SECRETS = ("requirepass", "masterauth")
# CONFIG SET refuses these (Redis 7 and 8); what is not named here is changed in the running server.
FIXED = frozenset(
    {
        "always-show-logo",
        "appenddirname",
        "appendfilename",
        "daemonize",
        "databases",
        "dir",
        "disable-thp",
        "enable-debug-command",
        "enable-module-command",
        "enable-protected-configs",
        "io-threads",
        "logfile",
        "rdb-del-sync-files",
        "set-proc-title",
        "supervised",
        "syslog-enabled",
        "tcp-backlog",
        "unixsocket",
        "unixsocketperm",
    }
)
UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 10**6, "mb": 1024**2, "g": 10**9, "gb": 1024**3}


@dataclass(frozen=True)
class Instance:
    """What the plan says about one instance."""

    name: str
    port: int
    bind: tuple[str, ...]
    policy: str
    appendonly: bool
    maxmemory_mb: int | None = None
    maxclients: int | None = None
    serves: tuple[str, ...] = field(default=())

    @property
    def unit(self) -> str:
        """Its unit."""
        return f"mastodon-redis@{self.name}.service"

    @property
    def config(self) -> str:
        """Its configuration file."""
        return f"/etc/redis/mastodon-{self.name}.conf"

    @property
    def users(self) -> str:
        """Its users besides the default one, one file each: hosts that have a password of their own."""
        return f"/etc/redis/mastodon-{self.name}.users"

    @property
    def directory(self) -> str:
        """Its data."""
        return f"/var/lib/redis/{self.name}"


def addresses(instance: Instance, password: str) -> tuple[list[str], str]:
    """Where to listen, and a note: without a password nobody outside this host gets to it."""
    wanted = list(instance.bind)
    inside = [address for address in wanted if address in LOOPBACK] or ["127.0.0.1"]
    if password or inside == wanted:
        return wanted, ""
    return inside, (
        f"Redis {instance.name} listens on {', '.join(inside)} only, not on "
        f"{', '.join(address for address in wanted if address not in inside)}: it has no password. Set redis_password "
        "(site.yml takes it from mastodon_secrets)."
    )


def settings(instance: Instance, password: str, common: Mapping[str, object]) -> dict[str, str]:
    """All settings of an instance. What the plan decides beats what is common to all."""
    bind, _ = addresses(instance, password)
    own: dict[str, object] = {
        "port": instance.port,
        "bind": " ".join(bind),
        "dir": instance.directory,
        "maxmemory": f"{instance.maxmemory_mb or 0}mb",
        "maxmemory-policy": instance.policy,
        "appendonly": instance.appendonly,
        # Persistence is the append-only file or nothing; snapshots are taken by backups, not by the clock.
        "save": "",
        "requirepass": password,
        # An instance may become a replica of its successor when it is moved.
        "masterauth": password,
    }
    if instance.maxclients:
        own["maxclients"] = instance.maxclients
    return {name: text(value) for name, value in {**common, **own}.items()}


def text(value: object) -> str:
    """A value as Redis writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def normal(value: str) -> str:
    """A value as CONFIG GET would show it: sizes in bytes, and today's word for a replica."""
    words = []
    for word in value.replace("slave", "replica").split():
        size = re.fullmatch(r"(\d+)([kmg]?b?)", word.lower())
        words.append(str(int(size.group(1)) * UNITS[size.group(2)]) if size else word)
    return " ".join(words)


def render(wanted: Mapping[str, str], users: str = "") -> str:
    """The configuration file. A wildcard of `include` may match nothing (since Redis 7)."""
    lines = []
    for name in sorted(wanted):
        value = wanted[name]
        plain = bool(value) and name not in SECRETS
        lines.append(f"{name} {value}" if plain else f'{name} "{value}"')
    if users:
        lines.append(f"include {users}/*.conf")
    return "\n".join([HEADER, *lines, ""])


def parse(content: str) -> dict[str, str]:
    """Our own file, as an earlier run wrote it."""
    pairs = (line.split(" ", 1) for line in content.splitlines() if " " in line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def differing(wanted: Mapping[str, str], running: Mapping[str, str]) -> list[str]:
    """Names of settings that the running server has otherwise. One it does not know is a mistake of ours."""
    return [name for name in sorted(wanted) if normal(wanted[name]) != normal(running.get(name, ""))]


def unknown(wanted: Mapping[str, str], running: Mapping[str, str]) -> list[str]:
    """Names of settings that this version of Redis does not have."""
    return [name for name in sorted(wanted) if name not in running]


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that CONFIG SET can change, and those that need a restart."""
    return [name for name in names if name not in FIXED], [name for name in names if name in FIXED]


def would_start_empty(appendonly: bool, has_dump: bool, has_log: bool) -> bool:
    """With appendonly on, Redis looks at the append-only file alone and ignores a snapshot beside it."""
    return appendonly and has_dump and not has_log


def info(output: str) -> dict[str, str]:
    """INFO as a dict."""
    return dict(line.split(":", 1) for line in output.splitlines() if ":" in line)
