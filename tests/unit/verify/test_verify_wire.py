"""The protocols: Redis, WebSocket, PostgreSQL's first answer, and what /proc says."""

from __future__ import annotations

import io
import socket
import struct
import threading

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._verify import (
    dotenv,
    expect,
    reach,
    resp,
    sockets,
    web,
    websocket,
)
from hypothesis import given
from hypothesis import strategies as st


def redis_reply(data: bytes) -> resp.Reply:
    stream = io.BytesIO(data)
    return resp.decode(stream.readline, stream.read)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"+PONG\r\n", "PONG"),
        (b":12\r\n", 12),
        (b"$-1\r\n", None),
        (b"$5\r\na\r\nbc\r\n", "a\r\nbc"),
        (b"*-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", ["a", [1]]),
    ],
)
def test_redis_replies(data: bytes, value: resp.Reply) -> None:
    assert redis_reply(data) == value


@pytest.mark.parametrize("data", [b"", b"$5\r\nab", b"*2\r\n:1\r\n", b"+PO"])
def test_a_cut_reply_is_a_disconnect_not_a_value(data: bytes) -> None:
    with pytest.raises(resp.Disconnected):
        redis_reply(data)


def test_an_error_reply_keeps_its_code() -> None:
    with pytest.raises(resp.RedisError, match=r"^NOAUTH "):
        redis_reply(b"-NOAUTH Authentication required.\r\n")


@given(st.lists(st.text(), min_size=1))
def test_commands_survive_the_wire(parts: list[str]) -> None:
    assert redis_reply(resp.encode(*parts)) == parts


@given(st.binary(max_size=70000), st.binary(min_size=4, max_size=4))
def test_frames_survive_masking(data: bytes, key: bytes) -> None:
    stream = io.BytesIO(websocket.encode(websocket.TEXT, data, key))
    assert websocket.decode(stream.read) == websocket.Frame(True, websocket.TEXT, data)


def test_the_handshake_of_the_standard() -> None:
    assert websocket.accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def serve(answer: str, frames: bytes) -> tuple[socket.socket, list[bytes], threading.Thread]:
    """The other end of a WebSocket: answers the handshake, sends frames, notes what it got."""
    ours, theirs = socket.socketpair()
    got: list[bytes] = []

    def run() -> None:
        with theirs:
            request = b""
            while b"\r\n\r\n" not in request:
                request += theirs.recv(4096)
            key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
            theirs.sendall(answer.replace("ACCEPT", websocket.accept_value(key)).encode() + frames)
            while data := theirs.recv(4096):
                got.append(data)

    thread = threading.Thread(target=run)
    thread.start()
    return ours, got, thread


SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n"


def server_frame(opcode: int, data: bytes, final: bool = True) -> bytes:
    return struct.pack("!BB", (0x80 if final else 0) | opcode, len(data)) + data


def test_a_message_in_pieces_with_a_ping_between() -> None:
    frames = server_frame(1, b"hel", False) + server_frame(9, b"?") + server_frame(0, b"lo")
    ours, got, thread = serve(SWITCH, frames)
    client = websocket.WebSocket(ours, "social.example", "/", {"Authorization": "Bearer x"})
    assert client.message() == "hello"
    client.close()
    thread.join()
    stream = io.BytesIO(b"".join(got))
    assert websocket.decode(stream.read)[1:] == (websocket.PONG, b"?")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", "401"),
        ("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: no\r\n\r\n", "Accept"),
    ],
)
def test_a_refused_handshake(answer: str, message: str) -> None:
    ours, _got, thread = serve(answer, b"")
    with pytest.raises(websocket.WebSocketError, match=message):
        websocket.WebSocket(ours, "social.example", "/", {})
    ours.shutdown(socket.SHUT_RDWR)
    ours.close()
    thread.join()


def test_a_server_that_closes() -> None:
    ours, _got, thread = serve(SWITCH, server_frame(8, b"\x03\xe8"))
    client = websocket.WebSocket(ours, "social.example", "/", {})
    with pytest.raises(websocket.WebSocketError, match="closed by the server"):
        client.message()
    client.close()
    thread.join()


def error(code: str, message: str) -> bytes:
    body = b"".join(kind + text.encode() + b"\0" for kind, text in ((b"S", "FATAL"), (b"C", code), (b"M", message)))
    return b"E" + struct.pack("!I", len(body) + 5) + body + b"\0"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"R" + struct.pack("!II", 23, 10) + b"SCRAM-SHA-256\0\0", "password"),
        (b"R" + struct.pack("!II", 8, 0), "trust"),
        (error("28000", 'no pg_hba.conf entry for host "10.40.0.9"'), "no pg_hba line"),
        (error("53300", "too many clients already"), "too many clients already"),
        (b"HTTP/1.1 400", "no PostgreSQL answer"),
        (b"", "no PostgreSQL answer"),
    ],
)
def test_what_postgresql_answers_before_a_password(data: bytes, answer: str) -> None:
    assert reach.postgres_answer(data) == answer


def test_the_first_message_carries_its_own_length() -> None:
    message = reach.postgres_startup("mastodon", "mastodon_production")
    assert struct.unpack("!II", message[:8]) == (len(message), 0x30000)


TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1920 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0B00280A:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0B00280A:18EB 0C00280A:C001 01 00000000:00000000 00:00000000 00000000     0
"""
TCP6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0
   1: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 0:0
   2: 0000000000000000FFFF00000100007F:0FA0 00000000000000000000000000000000:0000 0A 0:0
"""
FIB = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 10.40.0.0/24 2 0 2
           |-- 10.40.0.11
              /32 host LOCAL
           |-- 10.40.0.255
              /32 link BROADCAST
        |-- 127.0.0.1
           /32 host LOCAL
"""


def test_listening_sockets_but_no_connections() -> None:
    assert sockets.listeners(TCP, TCP6) == {
        ("127.0.0.1", 6432),
        ("10.40.0.11", 6379),
        ("::", 443),
        ("::1", 5432),
        ("127.0.0.1", 4000),
    }


def test_addresses_of_the_host() -> None:
    assert sockets.ipv4_addresses(FIB) == {"10.40.0.11"}
    inet6 = (
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "20010db8000000000000000000000001 02 40 00 80     eth0\n"
        "fe800000000000000000000000000001 02 40 20 80     eth0\n"
    )
    assert sockets.ipv6_addresses(inet6) == {"2001:db8::1"}


def test_reading_this_machine_agrees_with_the_kernel() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with open("/proc/net/tcp") as table:
            assert ("127.0.0.1", server.getsockname()[1]) in sockets.listeners(table.read())


ENVIRONMENT = """# a comment
LOCAL_DOMAIN=social.example
REDIS_HOST=127.0.0.1
REDIS_PORT='16379'
REDIS_PASSWORD="base#word"  # why
SMTP_PASSWORD='with # and $(no command)'
export EMPTY=
"""


def test_environment_files() -> None:
    values = dotenv.parse(ENVIRONMENT)
    assert values["REDIS_PASSWORD"] == "base#word"
    assert values["SMTP_PASSWORD"] == "with # and $(no command)"
    assert values["EMPTY"] == ""
    assert "# a comment" not in values


@pytest.mark.parametrize(
    ("more", "host", "port", "password"),
    [
        ("", "127.0.0.1", 16379, "base#word"),
        ("SIDEKIQ_REDIS_PORT=16380", "127.0.0.1", 16379, "base#word"),  # without a host, nothing of the prefix counts
        ("SIDEKIQ_REDIS_HOST=127.0.0.1", "127.0.0.1", 6379, ""),  # with one, nothing is inherited
        ("SIDEKIQ_REDIS_HOST=::1\nSIDEKIQ_REDIS_PORT=16380\nSIDEKIQ_REDIS_PASSWORD=p", "::1", 16380, "p"),
        ("SIDEKIQ_REDIS_URL=redis://u:p%40@10.0.0.1:7000/2", "10.0.0.1", 7000, "p@"),
    ],
)
def test_sidekiqs_redis_is_found_as_mastodon_finds_it(more: str, host: str, port: int, password: str) -> None:
    at = dotenv.sidekiq_redis(dotenv.parse(ENVIRONMENT + more))
    assert (at.host, at.port, at.password) == (host, port, password)


def test_the_picture_is_one() -> None:
    from PIL import Image

    with Image.open(io.BytesIO(web.png(20, 10))) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (20, 10))


def test_asking_a_closed_and_an_open_port() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert reach.ask(expect.Probe("a", "Puma", "127.0.0.1", port, expect.CLOSED)) == "open"
    assert reach.ask(expect.Probe("a", "Puma", "127.0.0.1", port, expect.CLOSED)) == "closed"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [(b"-NOAUTH Authentication required.\r\n", "password"), (b"+PONG\r\n", "no password: PONG"), (b"", "connection")],
)
def test_asking_redis_without_a_password(reply: bytes, answer: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def run() -> None:
            connection, _peer = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(reply)

        thread = threading.Thread(target=run)
        thread.start()
        found = reach.ask(expect.Probe("a", "Redis", "127.0.0.1", server.getsockname()[1], expect.LOCKED))
        thread.join()
    assert found.startswith(answer)
