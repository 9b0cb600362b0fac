"""Redis's decisions: addresses, files, and what needs a restart."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._redis import instance as core
from ansible_collections.fediverse.mastodon.plugins.module_utils._redis.resp import Connection, RedisError

BASE = core.Instance("base", 6379, ("127.0.0.1", "10.40.0.11"), "noeviction", True)
# CONFIG GET of Redis 8.0.2 on Debian 13.
RUNNING = {"client-output-buffer-limit": "normal 0 0 0 slave 1073741824 536870912 300 pubsub 67108864 16777216 60"}


def test_with_a_password_it_listens_where_planned() -> None:
    assert core.addresses(BASE, "x") == (["127.0.0.1", "10.40.0.11"], "")


def test_without_one_it_stays_inside_and_says_so() -> None:
    listen, note = core.addresses(BASE, "")
    assert listen == ["127.0.0.1"] and "10.40.0.11" in note and "redis_password" in note
    outside = core.Instance("base", 6379, ("10.40.0.11",), "noeviction", True)
    assert core.addresses(outside, "")[0] == ["127.0.0.1"]
    alone = core.Instance("base", 6379, ("127.0.0.1",), "noeviction", True)
    assert core.addresses(alone, "") == (["127.0.0.1"], "")


def test_what_the_plan_decides_beats_the_common_settings() -> None:
    wanted = core.settings(BASE, "x", {"port": 1, "timeout": 0, "protected-mode": True})
    assert (wanted["port"], wanted["timeout"], wanted["protected-mode"], wanted["save"]) == ("6379", "0", "yes", "")


def test_the_file_is_read_back_as_it_was_written() -> None:
    wanted = core.settings(BASE, "pass#word", {"client-output-buffer-limit": "normal 0 0 0"})
    assert core.parse(core.render(wanted)) == wanted


@pytest.mark.parametrize(
    ("value", "shown"),
    [("256mb", "268435456"), ("1gb", "1073741824"), ("0mb", "0"), ("64k", "64000"), ("yes", "yes"), ("", "")],
)
def test_sizes_compare_as_bytes(value: str, shown: str) -> None:
    assert core.normal(value) == shown


def test_the_running_servers_way_of_saying_the_same_is_no_difference() -> None:
    wanted = {"client-output-buffer-limit": "normal 0 0 0 replica 1gb 512mb 300 pubsub 64mb 16mb 60"}
    assert core.differing(wanted, RUNNING) == []
    assert core.differing({"client-output-buffer-limit": "normal 0 0 0"}, RUNNING) == ["client-output-buffer-limit"]
    assert core.unknown({"nonsense": "1"}, RUNNING) == ["nonsense"]


def test_only_what_config_set_refuses_restarts() -> None:
    assert core.split(["appendonly", "bind", "databases", "maxmemory", "port", "requirepass"]) == (
        ["appendonly", "bind", "maxmemory", "port", "requirepass"],
        ["databases"],
    )


@pytest.mark.parametrize(
    ("appendonly", "dump", "log", "empty"),
    [(True, True, False, True), (True, True, True, False), (True, False, False, False), (False, True, False, False)],
)
def test_a_snapshot_without_a_log_would_be_ignored(appendonly: bool, dump: bool, log: bool, empty: bool) -> None:
    assert core.would_start_empty(appendonly, dump, log) is empty


def serve(answer: bytes) -> int:
    """A server that gives one answer; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def once() -> None:
        with listener, listener.accept()[0] as client:
            client.recv(1000)
            client.sendall(answer)

    threading.Thread(target=once, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"+PONG\r\n", "PONG"),
        (b":7\r\n", 7),
        (b"$-1\r\n", None),
        (b"$4\r\na\r\nb\r\n", "a\r\nb"),
        (b"*2\r\n$1\r\nk\r\n$0\r\n\r\n", ["k", ""]),
    ],
)
def test_replies(answer: bytes, reply: object) -> None:
    connection = Connection("127.0.0.1", serve(answer))
    assert connection.call("X") == reply
    connection.close()


@pytest.mark.parametrize(
    ("answer", "said"), [(b"-NOAUTH who\r\n", "NOAUTH who"), (b"", "closed"), (b"?\r\n", "unexpected")]
)
def test_refusals(answer: bytes, said: str) -> None:
    connection = Connection("127.0.0.1", serve(answer))
    with pytest.raises(RedisError, match=said):
        connection.call("X")
    connection.close()


def test_no_server_is_a_redis_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(RedisError, match=str(port)):
        Connection("127.0.0.1", port)
