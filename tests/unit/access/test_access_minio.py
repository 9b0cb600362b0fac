"""A worker's own user at the object store. Answers of minio-client 0.0~20250403-3 (Debian 13) and MinIO of 2026-02."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.access import Grant
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import access_minio

ENDPOINT = "http://10.40.0.4:9000"
POLICY = "mastodon-mastodon"
PI1 = Grant("pi1", "", "mastodon_pi1")


class Failed(Exception):
    """fail_json."""


def error(code: str, text: str, kind: str = "fatal") -> tuple[int, str, str]:
    cause = {"message": text, "error": {"Code": code, "Message": text}}
    told = {"status": "error", "error": {"message": "Unable to do it", "cause": cause, "type": kind}}
    return 1, json.dumps(told) + "\n", ""


class Store:
    """MinIO behind its client: users with secret and policies."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.check_mode, self._diff = False, False
        self.policies = {POLICY}
        self.users: dict[str, dict[str, Any]] = {"mastodonkey": {"secret": "shared-key", "policies": {POLICY}}}
        self.silent = False
        self.arguments: list[str] = []

    def run_command(self, args: Sequence[str], **options: Any) -> tuple[int, str, str]:
        words, env = list(args)[4:], options["environ_update"]
        self.arguments += words
        if self.silent:
            return 1, json.dumps({"status": "error", "error": "dial tcp 10.40.0.4:9000: connection refused"}) + "\n", ""
        who, _, secret = env[f"MC_HOST_{words[1].split('/')[0] if words[0] == 'ls' else 'root'}"][7:].partition(":")
        secret = secret.partition("@")[0]
        if words[0] == "ls" and who != "storeroot" and self.users.get(who, {}).get("secret") != secret:
            return error("SignatureDoesNotMatch", "The request signature we calculated does not match", "error")
        return (0, "", "") if words[0] == "ls" else self._admin(words[1:3], words[4:], str(options.get("data") or ""))

    def _admin(self, verb: list[str], words: list[str], given: str) -> tuple[int, str, str]:
        answer: dict[str, Any] = {"status": "success"}
        if verb == ["policy", "info"]:
            if words[0] not in self.policies:
                return error("XMinioAdminNoSuchPolicy", "The canned policy does not exist.")
            answer["policyInfo"] = {"Policy": {"Version": "2012-10-17", "Statement": []}}
        elif verb == ["user", "info"]:
            one = self.users.get(words[0])
            if one is None:
                return error("XMinioAdminNoSuchUser", "The specified user does not exist.")
            answer |= {"userStatus": one.get("status", "enabled"), "policyName": ",".join(sorted(one["policies"]))}
        elif verb == ["user", "add"]:
            name, secret = given.split()
            self.users[name] = {"secret": secret, "policies": self.users.get(name, {"policies": set()})["policies"]}
        elif verb == ["user", "remove"]:
            del self.users[words[0]]
        elif verb == ["policy", "attach"]:
            self.users[words[2]]["policies"].add(words[0])
        else:
            assert verb == ["policy", "detach"], verb
            self.users[words[2]]["policies"].remove(words[0])
        return 0, json.dumps(answer) + "\n", ""

    def fail_json(self, msg: str, **result: Any) -> NoReturn:
        raise Failed(msg)

    def set_fs_attributes_if_different(self, file_args: dict[str, Any], changed: bool) -> bool:
        raise AssertionError("no file is written")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    settings = tmp_path / "minio.env"
    settings.write_text("# ours\nMINIO_ROOT_USER=storeroot\nMINIO_ROOT_PASSWORD=root-password\nMINIO_BROWSER=off\n")
    monkeypatch.setattr(access_minio, "SETTINGS", str(settings))
    monkeypatch.setattr(access_minio, "PATIENCE", 0.0)
    monkeypatch.setattr(access_minio.shutil, "which", lambda *_, **__: "/usr/bin/minio-client")
    return Store()


def ask(store: Store, state: str, grant: Grant = PI1, secret: str = "own-secret", check: bool = False) -> Changes:
    changes, store.check_mode = Changes(), check
    place = access_minio.MinioAccess(store, changes, grant, ENDPOINT, "mastodon", Secret(secret))
    getattr(place, state)()
    return changes


def test_a_worker_gets_a_key_of_its_own_with_the_buckets_policy(store: Store) -> None:
    foretold = ask(store, "present", check=True).actions
    assert set(store.users) == {"mastodonkey"}
    assert ask(store, "present").actions == foretold
    assert foretold == ["MinIO: set credentials of mastodon_pi1", f"MinIO: attach policy {POLICY}"]
    assert store.users["mastodon_pi1"] == {"secret": "own-secret", "policies": {POLICY}}
    assert ask(store, "present").actions == []


def test_another_epoch_changes_the_secret_and_drift_is_put_right(store: Store) -> None:
    ask(store, "present")
    assert ask(store, "present", secret="next-secret").actions == ["MinIO: set credentials of mastodon_pi1"]
    store.users["mastodon_pi1"]["policies"].add("readwrite")
    assert ask(store, "present", secret="next-secret").actions == ["MinIO: detach policy readwrite"]


def test_it_is_taken_back_without_its_secret_and_nobody_elses(store: Store) -> None:
    ask(store, "present")
    foretold = ask(store, "absent", secret="", check=True).actions
    assert ask(store, "absent", secret="").actions == foretold == ["MinIO: remove user mastodon_pi1"]
    assert set(store.users) == {"mastodonkey"}
    assert ask(store, "absent", secret="").actions == []


def test_the_shared_key_is_neither_given_nor_taken(store: Store) -> None:
    alike = Grant("pi1", "", "")
    assert ask(store, "present", alike).actions == ask(store, "absent", alike).actions == []
    assert "until s3_secret_key is changed" in ask(store, "absent", alike).notes[0]
    assert store.arguments == []


def test_a_store_that_is_not_ready_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.policies.clear()
    with pytest.raises(Refusal, match="no policy mastodon-mastodon, so pi1 gets no key: run role minio"):
        ask(store, "present")
    store.silent = True
    with pytest.raises(Refusal, match=r"does not answer at http://10.40.0.4:9000.*for pi1"):
        ask(store, "absent")
    monkeypatch.setattr(access_minio, "SETTINGS", "/nonexistent/minio.env")
    with pytest.raises(Refusal, match=r"minio.env is not on this host, so pi1 gets no key: run role minio"):
        ask(store, "present")


def test_no_secret_is_in_an_argument(store: Store) -> None:
    ask(store, "present")
    assert not {"own-secret", "root-password"} & set(store.arguments)
