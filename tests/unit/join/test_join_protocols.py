"""Logins in PostgreSQL's protocol, signatures of S3: published vectors, and servers that answer as the manuals say."""

from __future__ import annotations

import base64
import time

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import pgwire, sigv4
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.environment import DatabaseAt
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.postgres_login import Login, LoginFailed
from fake_postgres import FakePostgres

AWS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AWS_HOST, AWS_STAMP = "examplebucket.s3.amazonaws.com", "20130524T000000Z"


def at(server: FakePostgres, password: str = "right") -> DatabaseAt:
    return DatabaseAt("127.0.0.1", server.port, "mastodon_production", "mastodon", password)


def test_scram_is_the_exchange_of_rfc_7677() -> None:
    scram = pgwire.Scram("pencil", "rOprNGfwEbeRWgbNEkqO", "user")
    assert scram.first().endswith(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    server_first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = scram.final(server_first)[5:].decode()
    assert final == (
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    for wrong in (b"v=" + base64.b64encode(b"0" * 32), b"v=!", b"e=other-error", b""):
        with pytest.raises(pgwire.PgError, match="another machine"):
            scram.verify(wrong)


@pytest.mark.parametrize(
    "server_first",
    [b"", b"r=abcd", b"r=abcX,s=AA==,i=x", b"r=other,s=AA==,i=4096", b"r=abc,s=AA==,i=4096", b"r=abcX,s=AA==,i=0"],
)
def test_a_server_that_does_not_keep_to_scram_gets_no_proof(server_first: bytes) -> None:
    with pytest.raises(pgwire.PgError):
        pgwire.Scram("pencil", "abc").final(server_first)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "extra", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {},
            b"",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            {},
            b"Welcome to Amazon S3.",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/",
            {"lifecycle": ""},
            b"",
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/",
            {"max-keys": "2", "prefix": "J"},
            b"",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_signatures_are_those_of_amazons_examples(
    method: str, path: str, query: dict[str, str], body: bytes, extra: dict[str, str], signature: str
) -> None:
    headers = sigv4.signed(method, AWS_HOST, path, query, body, AWS_STAMP, AWS, extra)
    assert headers["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("auth", ["scram", "md5", "trust"])
def test_login_and_query(auth: str) -> None:
    with FakePostgres(auth=auth, rows={"SELECT": [["t", None, "x" * 5000]]}) as server:
        login = Login(at(server))
        answer = login.ask("SELECT something")
        login.close()
        deadline = time.monotonic() + 2
        while "goodbye" not in server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
    assert answer.rows == (("t", "", "x" * 5000),)
    assert answer.asked <= answer.answered
    assert server.startup["user"] == "mastodon" and server.startup["database"] == "mastodon_production"
    assert server.seen == ["something", "goodbye"]


@pytest.mark.parametrize("auth", ["scram", "md5"])
def test_a_wrong_password_has_its_code(auth: str) -> None:
    with FakePostgres(auth=auth) as server, pytest.raises(LoginFailed) as failed:
        Login(at(server, "wrong"))
    assert (failed.value.stage, failed.value.code) == ("login", "28P01")


def test_a_server_that_does_not_know_the_password_either_is_refused() -> None:
    with FakePostgres(impostor=True) as server, pytest.raises(LoginFailed, match="another machine"):
        Login(at(server))


def test_a_pooler_that_hangs_costs_its_time_limit_and_not_more() -> None:
    with FakePostgres(hangs=True) as server:
        login = Login(at(server), timeout=0.3)
        began = time.monotonic()
        with pytest.raises(LoginFailed) as failed:
            login.ask("SELECT 1")
        login.close()
    assert (failed.value.stage, failed.value.timed_out) == ("query", True)
    assert 0.25 < time.monotonic() - began < 2


def test_an_error_in_a_query_leaves_the_connection_usable() -> None:
    with FakePostgres(query_error=("42P01", 'relation "schema_migrations" does not exist')) as server:
        login = Login(at(server))
        for _ in range(2):
            with pytest.raises(LoginFailed) as failed:
                login.ask("SELECT version")
            assert (failed.value.stage, failed.value.code) == ("query", "42P01")
        login.close()


def test_nobody_there_and_somebody_else_there() -> None:
    with FakePostgres() as server:
        port = server.port
    with pytest.raises(LoginFailed) as failed:
        Login(DatabaseAt("127.0.0.1", port, "d", "u", ""))
    assert failed.value.stage == "connect"


def test_a_password_is_in_no_representation() -> None:
    assert "geheim" not in repr(DatabaseAt("h", 1, "d", "u", "geheim"))
