"""A Redis in memory that speaks RESP2, for the commands that a worker's join and leave use."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

INFO = {
    "redis_version": "8.0.2",
    "role": "master",
    "loading": "0",
    "maxmemory_policy": "noeviction",
}


class Refused(Exception):
    """An error reply."""


class Status(str):
    """A reply with a plus sign."""


def encode(reply: Any) -> bytes:
    if isinstance(reply, Refused):
        return f"-{reply}\r\n".encode()
    if isinstance(reply, Status):
        return f"+{reply}\r\n".encode()
    if isinstance(reply, int):
        return f":{reply}\r\n".encode()
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, str):
        return b"$%d\r\n%s\r\n" % (len(reply.encode()), reply.encode())
    return b"*%d\r\n" % len(reply) + b"".join(map(encode, reply))


@dataclass
class FakeRedis:
    """One database. pushed: what happens after a job was pushed (queue, payload)."""

    password: str = ""
    info: dict[str, str] = field(default_factory=lambda: dict(INFO))
    forbidden: set[str] = field(default_factory=set)
    ahead: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)
    expires: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    pushed: Callable[[str, str], None] = lambda _queue, _payload: None
    called: Callable[[tuple[str, ...]], None] = lambda _call: None
    hangs_up: bool = False

    def __enter__(self) -> FakeRedis:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: Any) -> None:
        user = "" if self.password else "default"
        queued: list[list[str]] | None = None
        while not self.hangs_up:
            line = handler.rfile.readline()
            if not line:
                return
            words = []
            for _ in range(int(line[1:])):
                size = int(handler.rfile.readline()[1:])
                words.append(handler.rfile.read(size + 2)[:-2].decode())
            name = words[0].upper()
            try:
                if name == "AUTH":
                    user = self._login(words)
                    reply: Any = Status("OK")
                elif not user:
                    raise Refused("NOAUTH Authentication required.")
                elif name in self.forbidden:
                    raise Refused(f"NOPERM User {user} has no permissions to run the '{name.lower()}' command")
                elif name == "MULTI":
                    queued, reply = [], Status("OK")
                elif name == "EXEC":
                    assert queued is not None
                    reply, queued = [self._run(one) for one in queued], None
                elif queued is not None:
                    queued.append(words)
                    reply = Status("QUEUED")
                elif words[:2] == ["ACL", "WHOAMI"]:
                    reply = user
                else:
                    reply = self._run(words)
            except Refused as refused:
                reply = refused
            handler.wfile.write(encode(reply))

    def _login(self, words: list[str]) -> str:
        if words[-1] != self.password:
            raise Refused("WRONGPASS invalid username-password pair or user is disabled.")
        return words[1] if len(words) == 3 else "default"

    def _run(self, words: list[str]) -> Any:
        self.calls.append(tuple(words))
        self.called(tuple(words))
        name, *arguments = words
        return getattr(self, f"_{name.lower()}")(*arguments)

    def _ping(self) -> Status:
        return Status("PONG")

    def _select(self, _number: str) -> Status:
        return Status("OK")

    def _info(self) -> str:
        return "# Server\r\n" + "".join(f"{name}:{value}\r\n" for name, value in self.info.items())

    def _time(self) -> list[str]:
        now = time.time() + self.ahead
        return [str(int(now)), str(int(now % 1 * 1e6))]

    def _writes(self) -> None:
        if self.info["role"] != "master":
            raise Refused("READONLY You can't write against a read only replica.")

    def _set(self, key: str, value: str, *options: str) -> Status:
        self._writes()
        self.data[key] = value
        if options:
            self.expires[key] = int(options[1])
        return Status("OK")

    def _get(self, key: str) -> str | None:
        return self.data.get(key)

    def _del(self, *keys: str) -> int:
        return sum(1 for key in keys if self.data.pop(key, None) is not None)

    def _expire(self, key: str, seconds: str) -> int:
        self.expires[key] = int(seconds)
        return int(key in self.data)

    def _smembers(self, key: str) -> list[str]:
        return sorted(self.data.get(key, set()))

    def _sadd(self, key: str, member: str) -> int:
        self.data.setdefault(key, set()).add(member)
        return 1

    def _srem(self, key: str, member: str) -> int:
        self.data.get(key, set()).discard(member)
        return 1

    def _hgetall(self, key: str) -> list[str]:
        return [text for pair in self.data.get(key, {}).items() for text in pair]

    def _hdel(self, key: str, name: str) -> int:
        held = self.data.get(key, {})
        gone = held.pop(name, None)
        if not held:
            self.data.pop(key, None)
        return int(gone is not None)

    def _copy(self, source: str, target: str, _replace: str) -> int:
        if source not in self.data:
            return 0
        self.data[target] = dict(self.data[source])
        return 1

    def _lpush(self, key: str, value: str) -> int:
        self.data.setdefault(key, []).insert(0, value)
        self.pushed(key.removeprefix("queue:"), value)
        return 1

    def _rpush(self, key: str, value: str) -> int:
        self.data.setdefault(key, []).append(value)
        return len(self.data[key])

    def _llen(self, key: str) -> int:
        return len(self.data.get(key, []))

    def _lrange(self, key: str, _first: str, _last: str) -> list[str]:
        return list(self.data.get(key, []))

    def _zrangebyscore(self, key: str, *_range: str) -> list[str]:
        return list(self.data.get(key, []))

    def _zrem(self, key: str, member: str) -> int:
        self.data[key].remove(member)
        return 1
