"""What the role left on the host, asked from the host."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

testinfra_hosts = ["ansible://code"]

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parents[1]
CURRENT = "/opt/mastodon/current"
ENV = "/opt/mastodon/shared/.env.production"
WANTED: dict[str, Any] = yaml.safe_load((HERE / "lab.yml").read_text())["vars"]["mastodon_environment"]
ODD = {name: str(value).replace("True", "true") for name, value in WANTED.items() if name.startswith("QUOTED_")}


def output(host: Any, command: str) -> str:
    """As root; the command must succeed."""
    with host.sudo():
        done = host.run(command)
    assert done.rc == 0, done.stderr + done.stdout
    return str(done.stdout)


def variables(host: Any) -> dict[str, Any]:
    found: dict[str, Any] = host.ansible.get_variables()
    return found


def playbook(text: str, *arguments: str) -> subprocess.Popen[str]:
    """Run plays against this scenario's host, as an admin would."""
    inventory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
    argv = ["ansible-playbook", "--inventory", str(inventory), text, *arguments]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.Popen(
        argv, cwd=HERE, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_current_is_a_whole_release_that_the_app_cannot_change(host: Any) -> None:
    version = variables(host)["mastodon_version"]
    assert host.file(CURRENT).linked_to == f"/opt/mastodon/releases/{version}"
    assert output(host, f"stat -L -c %U {CURRENT}/app {CURRENT}/config/initializers").split() == ["root", "root"]
    assert output(host, f"stat -L -c %U {CURRENT}/tmp {CURRENT}/log").split() == ["mastodon", "mastodon"]
    assert output(host, "ls -A /opt/mastodon/releases").split() == [version]


def test_the_stamp_names_the_releases_queues(host: Any) -> None:
    stamp = json.loads(output(host, f"cat {CURRENT}/.release.json"))
    ours = [
        line.split("[")[1].split("]")[0].split(",")[0]
        for line in output(host, f"grep -E '^ +- +\\[' {CURRENT}/config/sidekiq.yml").splitlines()
    ]
    assert [name for name, _weight in stamp["queues"]] == ours
    assert stamp["ruby"]["abi"] and stamp["distribution"] == "debian-13"


def test_nothing_of_the_build_stays_in_a_release(host: Any) -> None:
    for name in ("spec", ".git"):
        assert not host.file(f"{CURRENT}/{name}").exists
    assert host.file(f"{CURRENT}/public/packs/.vite").is_directory, "mail needs the asset manifest"
    assert not host.file("/opt/mastodon/build").exists


def test_the_environment_is_for_the_app_only(host: Any) -> None:
    with host.sudo():
        file = host.file(ENV)
        assert (file.user, file.group, oct(file.mode)) == ("mastodon", "mastodon", "0o600")
        assert host.file(f"{CURRENT}/.env.production").linked_to == ENV


def test_ruby_reads_what_the_inventory_says(host: Any) -> None:
    code = "puts JSON.generate(Dotenv::Parser.call(File.read(ARGV[0])))"
    found = json.loads(output(host, f"mastodon-run ruby -rjson -rdotenv -e {shlex.quote(code)} {ENV}"))
    assert {name: found[name] for name in ODD} == ODD


def test_node_reads_what_the_inventory_says(host: Any) -> None:
    code = "console.log(JSON.stringify(require('util').parseEnv(require('fs').readFileSync(process.argv[1], 'utf8'))))"
    found = json.loads(output(host, f"mastodon-run node -e {shlex.quote(code)} {ENV}"))
    assert {name: found[name] for name in ODD} == ODD


def test_systemd_reads_what_the_inventory_says(host: Any) -> None:
    command = f"systemd-run --quiet --pipe --wait --property=EnvironmentFile={ENV} env --null"
    found = dict(entry.split("=", 1) for entry in output(host, command).split("\0") if "=" in entry)
    assert {name: found[name] for name in ODD} == ODD


@pytest.mark.parametrize("sudo", [True, False])
def test_commands_run_as_the_app_wherever_they_are_called(host: Any, sudo: bool) -> None:
    script = "mastodon-run sh -c 'id -un; pwd -P; echo $RAILS_ENV $DB_HOST'"
    with host.sudo() if sudo else host.sudo("debian"):
        done = host.run(script)
    version = variables(host)["mastodon_version"]
    assert done.stdout.split() == ["mastodon", f"/opt/mastodon/releases/{version}", "production"], done.stderr


def test_direct_goes_past_the_pooler(host: Any) -> None:
    text = output(host, "mastodon-run --direct sh -c 'echo $DB_HOST:$DB_PORT'")
    assert text.strip().endswith(":5432")


def test_the_database_has_every_migration_and_the_owner(host: Any) -> None:
    ask = "runuser -u postgres -- psql -XAtd mastodon_production -c"
    shipped = output(host, f"ls {CURRENT}/db/migrate {CURRENT}/db/post_migrate 2>/dev/null | grep -c '^[0-9].*[.]rb$'")
    applied = output(host, f'{ask} "SELECT count(*) FROM schema_migrations"')
    assert int(applied) >= int(shipped) > 0
    owner = "SELECT r.name FROM users u JOIN accounts a ON a.id = u.account_id JOIN user_roles r ON r.id = u.role_id"
    assert output(host, f"{ask} \"{owner} WHERE a.username = 'admin'\"").strip() == "Owner"


def test_the_secrets_are_for_the_admin_only_and_hold_the_first_password(host: Any) -> None:
    path = Path(variables(host)["mastodon_secrets_file"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(path.read_text())["mastodon_secrets"]["admin_password"]
    with host.sudo():
        assert not host.file("/root/mastodon-admin-password").exists


def test_secrets_are_not_remade_over_accounts(host: Any, tmp_path: Path) -> None:
    lost = tmp_path / "lost.yml"
    run = playbook(str(HERE / "converge.yml"), "--extra-vars", json.dumps({"mastodon_secrets_file": str(lost)}))
    text = run.communicate(timeout=300)[0]
    assert run.returncode != 0
    assert "already has 1 account" in text and "secret_key_base" in text
    assert not lost.exists()


def test_a_build_that_is_killed_never_becomes_current(host: Any) -> None:
    before = output(host, f"readlink {CURRENT}")
    arguments = ("--extra-vars", json.dumps({"mastodon_version": "killed"}))
    with playbook(str(HERE / "converge.yml"), *arguments) as run:
        seen: list[str] = []
        for line in run.stdout or []:
            seen.append(line)
            if "Run the steps" in line:
                break
        run.kill()
    assert "Run the steps" in seen[-1], "".join(seen[-20:])
    assert output(host, f"readlink {CURRENT}") == before
    assert not host.file("/opt/mastodon/archives/killed-amd64.json").exists
    output(host, "rm -rf /opt/mastodon/build /opt/mastodon/archives/*killed-amd64*")


def test_an_archive_that_was_changed_is_not_unpacked(host: Any) -> None:
    """The release is taken away first, so that the next run would have to unpack."""
    version = variables(host)["mastodon_version"]
    archive = f"/opt/mastodon/archives/{version}-amd64.tar.zst"
    output(host, f"cp {archive} /root/kept && mv /opt/mastodon/releases/{version} /root/release && echo x >> {archive}")
    try:
        play = HERE / "tests" / "unpack_only.yml"
        run = playbook(str(play))
        text = run.communicate(timeout=300)[0]
        assert run.returncode != 0
        assert "SHA-256 differs" in text
        assert not host.file(f"/opt/mastodon/releases/{version}").exists
    finally:
        output(host, f"mv /root/kept {archive} && mv /root/release /opt/mastodon/releases/{version}")
