"""Secrets: formats, what is made, and how the admin's file is edited."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.fediverse.mastodon.plugins.module_utils._secrets import values, vapid

TREE = str(Path(__file__).resolve().parents[3] / ".collections")


def whole() -> dict[str, str]:
    return values.make(values.NAMES, vapid.make_pair)


def test_what_is_made_is_accepted_and_has_upstreams_formats() -> None:
    made = whole()
    assert values.missing(made) == []
    assert values.problems(made, vapid.public_of) == []
    assert len(made["secret_key_base"]) == 128 and set(made["secret_key_base"]) <= set("0123456789abcdef")
    assert len(made["active_record_encryption_primary_key"]) == 32
    assert (len(made["vapid_private_key"]), len(made["vapid_public_key"])) == (44, 88)
    assert made["vapid_public_key"].startswith("B")
    assert len(set(made.values())) == len(made)


def test_admins_password_is_not_missing_before_the_admin_exists() -> None:
    assert "admin_password" not in values.missing({})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("secret_key_base", "short", "secret_key_base has 5 characters"),
        ("redis_password", "it's eight", "quote"),
        ("redis_password", "with blank", "blank"),
        ("vapid_private_key", "AAAA", "vapid_private_key is not"),
        ("vapid_public_key", "", "belong together"),
        ("active_record_encryption_primary_key", "X" * 20 + "DO_NOT_USE_IN_PRODUCTION", "example"),
        ("postgres_password", 12345678, "not text"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(name: str, value: Any, says: str) -> None:
    found = " ".join(values.problems({**whole(), name: value}, vapid.public_of))
    assert says in found
    assert not value or str(value) not in found


def test_a_vapid_pair_of_two_halves_is_refused() -> None:
    mixed = {**whole(), "vapid_public_key": whole()["vapid_public_key"]}
    assert "does not belong" in " ".join(values.problems(mixed, vapid.public_of))


def test_a_key_that_rails_made_one_byte_short_is_accepted() -> None:
    pair = next(made for made in iter(vapid.make_pair, None) if base64.urlsafe_b64decode(made[0])[0] == 0)
    short = base64.urlsafe_b64encode(base64.urlsafe_b64decode(pair[0])[1:]).decode().rstrip("=")
    assert values.problems({"vapid_private_key": short, "vapid_public_key": pair[1]}, vapid.public_of) == []


def test_additions_leave_every_other_line_alone() -> None:
    text = "---\n# kept by hand\nmastodon_secrets:\n    redis_password: 'mine' # do not touch\n\nother: 1\n"
    after = values.with_values(text, {"s3_access_key": "KEY"})
    assert [line for line in after.splitlines() if "s3_access_key" not in line] == text.splitlines()
    loaded = yaml.safe_load(after)
    assert loaded == {"mastodon_secrets": {"redis_password": "mine", "s3_access_key": "KEY"}, "other": 1}


@pytest.mark.parametrize("text", ["", "---\n", "mastodon_secrets:\n", "mastodon_secrets: {}\n", "---\nother: 1\n"])
def test_a_file_without_secrets_gets_them(text: str) -> None:
    assert yaml.safe_load(values.with_values(text, {"a": "1"}))["mastodon_secrets"] == {"a": "1"}


def test_a_value_is_replaced_in_its_line() -> None:
    text = "mastodon_secrets:\n  admin_password: old\n  b: 2\n"
    assert values.with_values(text, {"admin_password": "new"}) == 'mastodon_secrets:\n  admin_password: "new"\n  b: 2\n'


@pytest.mark.parametrize("text", ["mastodon_secrets: {a: 1}\n", "mastodon_secrets:\n  a: !vault |\n    $ANSIBLE\n"])
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        values.with_values(text, {"a": "2"})


def run(tmp_path: Path, check: bool = False, **params: Any) -> dict[str, Any]:
    """The module as Ansible runs it, in its own process."""
    arguments = {"path": str(tmp_path / "vars" / "secrets.yml"), **params, "_ansible_check_mode": check}
    code = (
        "import json,sys; from ansible.module_utils.testing import patch_module_args\n"
        "from ansible_collections.fediverse.mastodon.plugins.modules import secrets\n"
        "with patch_module_args(json.loads(sys.argv[1])): secrets.main()"
    )
    environment = {**os.environ, "PYTHONPATH": TREE}
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, env=environment
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def read(tmp_path: Path) -> dict[str, str]:
    return yaml.safe_load((tmp_path / "vars" / "secrets.yml").read_text())["mastodon_secrets"]  # type: ignore[no-any-return]


def test_made_once_closed_to_others_and_never_in_the_result(tmp_path: Path) -> None:
    would = run(tmp_path, check=True)
    assert not (tmp_path / "vars").exists()
    did = run(tmp_path)
    assert did["actions"] == would["actions"]
    assert (tmp_path / "vars" / "secrets.yml").stat().st_mode & 0o777 == 0o600
    first = read(tmp_path)
    assert not [value for value in first.values() if value in json.dumps(did)]
    assert not run(tmp_path, current=first)["changed"]
    assert read(tmp_path) == first


def test_a_missing_one_is_added_and_the_others_stay(tmp_path: Path) -> None:
    run(tmp_path)
    first = read(tmp_path)
    lines = (tmp_path / "vars" / "secrets.yml").read_text().splitlines(keepends=True)
    (tmp_path / "vars" / "secrets.yml").write_text("".join(line for line in lines if "redis_password" not in line))
    left = {name: value for name, value in first.items() if name != "redis_password"}
    assert run(tmp_path, current=left)["actions"] == ["make redis_password"]
    assert {name: value for name, value in read(tmp_path).items() if name != "redis_password"} == left


def test_nothing_is_remade_over_an_instance_with_accounts(tmp_path: Path) -> None:
    refused = run(tmp_path, accounts=3, database_host="db")
    assert refused["failed"]
    for part in ("db", "3 account", "secret_key_base", "vapid_private_key", "mastodon_secrets_file"):
        assert part in refused["msg"]
    assert not (tmp_path / "vars").exists()


def test_a_vaulted_file_is_never_rewritten(tmp_path: Path) -> None:
    (tmp_path / "vars").mkdir()
    vaulted = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    (tmp_path / "vars" / "secrets.yml").write_text(vaulted)
    made = whole()
    lacking = {name: value for name, value in made.items() if name != "s3_secret_key"}
    refused = run(tmp_path, current=lacking)
    assert refused["failed"] and "s3_secret_key" in refused["msg"] and "ansible-vault" in refused["msg"]
    assert (tmp_path / "vars" / "secrets.yml").read_text() == vaulted
    assert run(tmp_path, current=made)["vaulted"]
