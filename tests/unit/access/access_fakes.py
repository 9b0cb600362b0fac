"""A module's host, a PostgreSQL behind psql, and a Redis that speaks its protocol, for the grants of a worker."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

Answer = tuple[int, str, str]


class Failed(Exception):
    """fail_json."""


@dataclass
class Host:
    """What the code uses of AnsibleModule; owners and modes are nobody's business here."""

    run: Callable[[tuple[str, ...], str], Answer]
    check_mode: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    _diff: bool = True

    def run_command(self, args: Sequence[str], **options: Any) -> Answer:
        argv = tuple(args)
        if argv[:2] == ("runuser", "-u"):
            argv = argv[4:]
        self.calls.append(argv)
        return self.run(argv, str(options.get("data") or ""))

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        raise Failed(msg)

    def set_fs_attributes_if_different(self, file_args: dict[str, Any], changed: bool) -> bool:
        return changed


@dataclass
class Postgres:
    """A server with one role of ours at most. The next `dies` statements that change something end the run."""

    hba: Path
    roles: dict[str, dict[str, Any]] = field(default_factory=lambda: {"mastodon": {"comment": ""}})
    bad_line: str = ""
    loaded: str = ""
    loads: int = 0
    shared_sessions: int = 0
    statements: list[str] = field(default_factory=list)
    dies_at: int = -1

    def run(self, argv: tuple[str, ...], text: str) -> Answer:
        assert argv[0] == "psql", argv
        if "-c" in argv:
            return 0, "1\n", ""
        sql = text.strip().rstrip(";")
        for pattern, answer in self._reads().items():
            if sql.startswith(pattern):
                return 0, answer(sql), ""
        self.statements.append(sql)
        if len(self.statements) == self.dies_at:
            raise KeyboardInterrupt(sql)
        return 0, self._change(sql), ""

    def _reads(self) -> dict[str, Callable[[str], str]]:
        return {
            "SHOW hba_file": lambda sql: f"{self.hba}\n",
            "SELECT 'line '": lambda sql: self._mistakes(),
            "SELECT pg_conf_load_time()": lambda sql: f"{self.loads}\n",
            "SELECT count(*) FROM pg_roles": lambda sql: f"{int('mastodon' in self.roles)}\n",
            "SELECT count(*) FROM pg_stat_activity": lambda sql: f"{self.shared_sessions}\n",
            "SELECT coalesce(shobj_description": self._role,
        }

    def _mistakes(self) -> str:
        lines = self.hba.read_text().splitlines()
        return "".join(
            f"line {n}: invalid IP mask\n" for n, line in enumerate(lines, 1) if self.bad_line in line and self.bad_line
        )

    def _role(self, sql: str) -> str:
        name = sql.rsplit("'", 2)[1]
        if name not in self.roles:
            return ""
        one = self.roles[name]
        flags = ["t" if one.get(word) else "f" for word in ("login", "member")]
        return "\t".join(
            [
                one["comment"],
                flags[0],
                one.get("verifier", ""),
                flags[1],
                one.get("acts_as", ""),
                str(one.get("owned", 0)),
                str(one.get("sessions", 0)),
            ]
        )

    def _change(self, sql: str) -> str:
        if sql.startswith("SELECT pg_reload_conf"):
            self.loads += 1
            self.loaded = self.hba.read_text()
            return "t\n"
        if sql.startswith("SELECT pg_terminate_backend"):
            count = self.shared_sessions + sum(one.get("sessions", 0) for one in self.roles.values())
            self.shared_sessions = 0
            for one in self.roles.values():
                one["sessions"] = 0
            return "t\n" * count
        name = sql.split('"')[1]
        if "CREATE ROLE" in sql:
            assert name not in self.roles
            self.roles[name] = {"login": True, "comment": sql.split("'")[1]}
        elif "PASSWORD" in sql:
            self.roles[name]["verifier"] = sql.split("'")[1]
        elif sql.startswith("GRANT"):
            self.roles[sql.split('"')[3]]["member"] = True
        elif "SET role" in sql:
            self.roles[name]["acts_as"] = sql.split("'")[1]
        elif sql.endswith("NOLOGIN"):
            self.roles[name]["login"] = False
        elif sql.endswith("LOGIN"):
            self.roles[name]["login"] = True
        elif sql.startswith("\\connect"):
            self.roles[sql.split('"')[3]]["owned"] = 0
        elif sql.startswith("DROP ROLE"):
            assert not self.roles[name].get("owned") and not self.roles[name].get("sessions")
            del self.roles[name]
        else:
            raise AssertionError(sql)
        return ""


def bulk(word: str) -> bytes:
    """A bulk string of RESP2."""
    return b"$%d\r\n%s\r\n" % (len(word), word.encode())


class Redis:
    """An instance's ACL, over a socket. words_of: how this version repeats a user's rights."""

    def __init__(self, password: str = "admin", version: int = 8) -> None:
        self.password, self.version = password, version
        self.users: dict[str, dict[str, Any]] = {}
        self.connections: dict[str, int] = {}
        self.log: list[tuple[str, ...]] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                known = False
                while header := self.rfile.readline():
                    words = []
                    for _ in range(int(header[1:])):
                        size = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(size + 2)[:-2].decode())
                    if words[0] == "AUTH":
                        known = words[-1] == outer.password
                        reply = (
                            b"+OK\r\n"
                            if known
                            else b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
                        )
                    elif not known:
                        reply = b"-NOAUTH Authentication required.\r\n"
                    else:
                        outer.log.append(tuple(words))
                        reply = outer.answer(words)
                    self.wfile.write(reply)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, words: list[str]) -> bytes:
        command, name, rest = tuple(words[:2]), words[2] if len(words) > 2 else "", words[3:]
        if words == ["PING"]:
            return b"+PONG\r\n"
        if command == ("ACL", "GETUSER"):
            return self._user(name)
        if command == ("ACL", "DRYRUN"):
            if name not in self.users:
                return f"-ERR User '{name}' not found\r\n".encode()
            return self._dry(name, rest)
        if command == ("ACL", "SETUSER"):
            one = {} if "reset" in rest else self.users.get(name, {})
            one["on"] = "off" not in rest
            one["hash"] = next((rule[1:] for rule in rest if rule.startswith("#")), one.get("hash", ""))
            one["rules"] = [rule for rule in rest if rule[0] in "+-"] or one.get("rules", [])
            self.users[name] = one
            return b"+OK\r\n"
        if command == ("ACL", "DELUSER"):
            return b":%d\r\n" % int(self.users.pop(name, None) is not None)
        if words[:3] == ["CLIENT", "KILL", "USER"]:
            return b":%d\r\n" % self.connections.pop(rest[0], 0)
        return f"-ERR unknown command '{words[0]}'\r\n".encode()

    def _user(self, name: str) -> bytes:
        if name not in self.users:
            return b"*-1\r\n"
        one = self.users[name]
        rules = " ".join(one["rules"]) if self.version > 7 else "+@all -@admin -flushall -restore -sort"
        flags = [b"+on\r\n" if one["on"] else b"+off\r\n", b"+sanitize-payload\r\n"]
        return b"".join(
            [
                b"*12\r\n",
                bulk("flags") + b"*2\r\n" + b"".join(flags),
                bulk("passwords") + b"*1\r\n" + bulk(one["hash"]),
                bulk("commands") + bulk(rules),
                bulk("keys") + bulk("~*"),
                bulk("channels") + bulk("&*"),
                bulk("selectors") + b"*0\r\n",
            ]
        )

    def _dry(self, name: str, command: list[str]) -> bytes:
        rules = self.users[name]["rules"]
        # Categories as the server has them, of the commands that are asked about.
        groups = {"CONFIG": "admin", "FLUSHALL": "dangerous", "SHUTDOWN": "admin", "CLIENT": "admin", "DEBUG": "admin"}
        groups.update(ACL="admin", INFO="dangerous", KEYS="dangerous")
        group = groups.get(command[0], "")
        allowed = True
        for rule in rules:
            if rule[1:] in ("@all", f"@{group}", command[0].lower()):
                allowed = rule[0] == "+"
        if allowed:
            return b"+OK\r\n"
        said = f"User {name} has no permissions to run the '{command[0].lower()}' command"
        return bulk(said)
