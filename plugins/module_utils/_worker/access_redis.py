# GPL-3.0-or-later (see LICENSE)
"""A worker's user in every Redis instance of a host, now and after a restart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from .._join import access_redis
from .._join.access import Grant
from .._redis import instance as config
from .._redis.resp import Connection, RedisError, Reply
from .._shell import Changes, FileSpec, Module, Refusal, put_directory, put_file, read_text
from .._wire.model import Secret

ETC = "/etc/redis"


class Server:
    """One instance: its file tells where it listens and how to be its administrator."""

    def __init__(self, name: str, etc: str) -> None:
        self.name, self.users = name, f"{etc}/mastodon-{name}.users"
        self.file = f"{etc}/mastodon-{name}.conf"
        text = read_text(self.file)
        if text is None:
            raise Refusal(f"Redis {name}: {self.file} is not there. Run role redis on this host first.")
        self.included = access_redis.included(text, self.users)
        told = config.parse(text)
        host, port = told.get("bind", "127.0.0.1").split()[0], int(told.get("port", "6379"))
        try:
            self.connection = Connection(host, port)
        except RedisError as problem:
            raise self._silent(host, port, problem) from problem
        try:
            if told.get("requirepass"):
                self.connection.call("AUTH", told["requirepass"])
            self.connection.call("PING")
        except RedisError as problem:
            self.connection.close()
            raise self._silent(host, port, problem) from problem

    def _silent(self, host: str, port: int, problem: RedisError) -> Refusal:
        return Refusal(
            f"Redis {self.name}: {host}:{port}: {problem}. Start it (`systemctl status mastodon-redis@{self.name}`) or"
            " run role redis, then run this again."
        )

    def call(self, *words: str) -> Reply:
        """A command; what the server refuses ends the module with its name, without what may be secret."""
        try:
            return self.connection.call(*words)
        except RedisError as problem:
            raise Refusal(f"Redis {self.name}: {' '.join(words[:3])}: {problem}") from problem

    def permits(self, user: str, command: tuple[str, ...]) -> bool:
        """Whether the user may; asked without doing it."""
        return self.call("ACL", "DRYRUN", user, *command) == "OK"


class RedisAccess:
    """One worker at all instances. Every one must answer before the first is touched."""

    def __init__(
        self, module: Module, changes: Changes, grant: Grant, names: list[str], password: Secret, etc: str = ETC
    ) -> None:
        self.module, self.changes, self.grant, self.password = module, changes, grant, password
        self.names, self.etc = names if grant.user else [], etc

    @contextlib.contextmanager
    def _servers(self) -> Iterator[list[Server]]:
        with contextlib.ExitStack() as stack:
            found = []
            for name in self.names:
                found.append(Server(name, self.etc))
                stack.callback(found[-1].connection.close)
            yield found

    def present(self) -> int:
        """File, then the running server, then proof."""
        if not self.grant.user:
            self.changes.notes.append(f"{self.grant.worker} uses the password that all hosts share, and no own user.")
        with self._servers() as servers:
            blind = [server.name for server in servers if not server.included]
            if blind:
                raise Refusal(
                    f"Redis {', '.join(blind)} would forget {self.grant.user} at its next start, because its"
                    " configuration does not include the directory of users. Run role redis on this host first (it"
                    " restarts nothing)."
                )
            for server in servers:
                self._grant(server)
        return 0

    def absent(self) -> int:
        """File, connections, user. Returns how many connections were ended."""
        if not self.grant.user:
            self.changes.notes.append(
                f"{self.grant.worker} knew the password of Redis that all hosts share: it is closed to that host by"
                " firewall or tunnel only, until redis_password is changed."
            )
        with self._servers() as servers:
            return sum(self._revoke(server) for server in servers)

    def _grant(self, server: Server) -> None:
        user, digest = self.grant.user, access_redis.hashed(self.password)
        put_directory(self.module, server.users, self.changes, owner="root", group="redis", mode="0750")
        spec = FileSpec(
            access_redis.path(server.users, user),
            access_redis.content(user, self.grant.worker, digest),
            "0640",
            "root",
            "redis",
        )
        put_file(self.module, spec, self.changes, secret=True)
        known = access_redis.account(server.call("ACL", "GETUSER", user))
        if known and access_redis.agrees(known, digest) and not self._wrong(server):
            return
        self.changes.actions.append(f"{'correct' if known else 'add'} user {user} of Redis {server.name}")
        if self.module.check_mode:
            return
        server.call("ACL", "SETUSER", user, *access_redis.rules(digest))
        wrong = self._wrong(server)
        if wrong:
            raise Refusal(
                f"Redis {server.name}: user {user} was set, but {'; '.join(wrong)}: is this Redis 7 or newer?"
            )

    def _wrong(self, server: Server) -> list[str]:
        user = self.grant.user
        found = [f"may not {' '.join(one)}" for one in access_redis.ALLOWED if not server.permits(user, one)]
        return found + [f"may {' '.join(one)}" for one in access_redis.REFUSED if server.permits(user, one)]

    def _revoke(self, server: Server) -> int:
        user, path = self.grant.user, access_redis.path(server.users, self.grant.user)
        if os.path.exists(path):
            self.changes.actions.append(f"remove {path}")
            if not self.module.check_mode:
                os.unlink(path)
        if not access_redis.account(server.call("ACL", "GETUSER", user)):
            return 0
        self.changes.actions.append(f"remove user {user} of Redis {server.name} and end its connections")
        if self.module.check_mode:
            return 0
        # Shut first, so that no connection comes between the end of the old ones and the end of the user.
        server.call("ACL", "SETUSER", user, "off")
        ended = server.call("CLIENT", "KILL", "USER", user)
        server.call("ACL", "DELUSER", user)
        return ended if isinstance(ended, int) else 0
