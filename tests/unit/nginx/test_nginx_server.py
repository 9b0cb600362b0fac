"""Files of the tree on a disk; what a reload must show."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx import server
from ansible_collections.fediverse.mastodon.plugins.module_utils._nginx.tree import Entry
from ansible_collections.fediverse.mastodon.plugins.module_utils._tls import authority
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TREE = {
    "nginx.conf": Entry(content=b"events {}\n"),
    "mastodon/privkey.pem": Entry(content=b"key", mode=0o600),
    "sites-enabled/mastodon": Entry(target="../sites-available/mastodon"),
    "modules": Entry(target="/usr/share/nginx"),
}


def test_what_is_written_is_read(tmp_path):
    server.write(tmp_path, TREE)
    assert server.read_tree(tmp_path) == TREE
    server.write(tmp_path, {"modules": None, "nginx.conf": Entry(target="elsewhere")})
    assert set(server.read_tree(tmp_path)) == set(TREE) - {"modules"}
    assert (tmp_path / "nginx.conf").is_symlink()


def test_a_refused_tree_is_removed_and_quoted(tmp_path):
    staged = []

    def run(arguments):
        staged.append(arguments[-3])
        return 1, "", "nginx: [emerg] unknown directive\n"

    with pytest.raises(server.ServerError, match=r"untouched\. It says: nginx: \[emerg\] unknown directive$"):
        server.try_staged(run, "/usr/sbin/nginx", tmp_path, TREE)
    assert not any(server.Path(path).exists() for path in staged)


def test_a_host_without_namespaces_is_not_blamed_on_nginx(tmp_path):
    with pytest.raises(server.ServerError, match="allows no mount namespace: unshare: unshare failed"):
        server.try_staged(
            lambda arguments: (1, "", "unshare: unshare failed: Operation not permitted\n"), "nginx", tmp_path, {}
        )


def test_a_key_of_another_kind_is_refused():
    """Which nginx -t does not see."""
    lifetimes = authority.Lifetimes(authority=10, leaf=10, renew_before=1)
    now = dt.datetime.now(dt.timezone.utc)
    pair = authority.make_authority(lifetimes, now)
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    keys = {
        "own": pair.key.encode(),
        "same kind": authority.make_authority(lifetimes, now).key.encode(),
        "rsa": rsa.generate_private_key(65537, 2048).private_bytes(*pem),
        "broken": b"-----BEGIN PRIVATE KEY-----\n",
    }
    tree = {name: Entry(key, 0o600) for name, key in keys.items()} | {"certificate": Entry(pair.certificate.encode())}
    server.check_pairs(tree, {"certificate": "own"})
    for name in ("same kind", "rsa", "broken"):
        with pytest.raises(server.ServerError, match=f"^{name} is not the key of the certificate certificate: "):
            server.check_pairs(tree, {"certificate": name})


def test_a_reload_that_keeps_the_old_workers_is_an_error(tmp_path, monkeypatch):
    log = tmp_path / "error.log"
    log.write_text("old line\n")
    monkeypatch.setattr(server, "workers", lambda master: {11, 12})

    def run(arguments):
        if "reload" in arguments:
            with log.open("a") as stream:
                stream.write("bind() to 192.0.2.1:443 failed\n")
        return 0, "10\n", ""

    with pytest.raises(server.ServerError, match="kept its old workers") as caught:
        server.load(run, "nginx.service", log, timeout=0)
    assert "bind() to 192.0.2.1:443 failed" in str(caught.value)
    assert "old line" not in str(caught.value)


def test_a_reload_with_a_new_worker_is_taken(tmp_path, monkeypatch):
    seen = iter([{11}, {11, 12}, {12}])
    monkeypatch.setattr(server, "workers", lambda master: next(seen))
    commands = []

    def run(arguments):
        commands.append(arguments[1])
        return 0, "10\n", ""

    server.load(run, "nginx.service", tmp_path / "none.log")
    assert commands == ["show", "reload"]
