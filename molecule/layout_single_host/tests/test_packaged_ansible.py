"""Debian 13's own ansible-core, without pip, on a host of its own: it plans, and deploys again without a change."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

from tests.e2e.cluster import ROOT, Cluster
from tests.e2e.hosts import host
from tests.e2e.rounds import Round

CHECKOUT = "/srv/fediverse.mastodon"
INVENTORY = f"{CHECKOUT}/.inventory"


def ship(cluster: Cluster, target: str, *arguments: str) -> None:
    """Pack here, unpack there: what `tar` is told, at the same place."""
    connection = [
        *("ssh", "-i", str(cluster.secrets_file.parent / "key")),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
        f"debian@{cluster.addresses['controller']}",
    ]
    unpack = f"sudo mkdir -p {target} && sudo tar -x --no-same-owner -C {target}"
    command = f"tar -c {shlex.join(arguments)} | {shlex.join([*connection, unpack])}"
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, cwd=ROOT, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def controller(cluster: Cluster, this_round: Round) -> Host:
    """A host with Debian's Ansible, the checkout, and the files that the inventory names, where it names them."""
    if this_round.before is None:
        pytest.skip("the first round: Debian's Ansible repeats the deployment after our own did, in the second")
    machine = host(cluster, "controller")
    machine.check_output(
        "DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends ansible-core openssh-client"
    )
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    present = [name for name in files if (ROOT / name).exists() or (ROOT / name).is_symlink()]
    ship(cluster, CHECKOUT, *present)
    connection = Path(cluster.inventory[0]) / "zz_lab.yml"
    # Absolute paths: the release, the object store's binary, the secrets and the key lie there for this controller too.
    named = {path for path in re.findall(r"(/[^\s'\",]+)", connection.read_text()) if Path(path).is_file()}
    named |= {str(cluster.secrets_file), str(cluster.authority.parent), str(connection)}
    ship(cluster, "/", "--absolute-names", *sorted(named - {"/usr/bin/python3"}))
    machine.check_output(
        f"cp -rL {CHECKOUT}/inventories/single_host {INVENTORY} && cp {connection} {INVENTORY}/zz_lab.yml"
    )
    return machine


def run(controller: Host, playbook: str) -> str:
    """The output of a playbook that must succeed without a warning."""
    done = controller.run(f"cd {CHECKOUT} && HOME=/root NO_COLOR=1 ansible-playbook {playbook} -i {INVENTORY} 2>&1")
    assert done.rc == 0, done.stdout[-4000:]
    assert "[WARNING]" not in done.stdout and "[DEPRECATION" not in done.stdout, done.stdout
    return done.stdout


def test_it_is_debians(controller: Host) -> None:
    assert controller.check_output("readlink -f $(command -v ansible-playbook)").startswith("/usr/bin/")
    assert not controller.exists("pip3")


def test_it_plans(controller: Host) -> None:
    assert "main" in run(controller, "playbooks/plan.yml")


def test_it_deploys_and_finds_nothing_to_change(controller: Host) -> None:
    recap = run(controller, "site.yml").split("PLAY RECAP")[1]
    counts = re.findall(r"^main .*?ok=(\d+) .*?changed=(\d+) .*?failed=(\d+)", recap, re.MULTILINE)
    assert [(int(ok) > 20, changed, failed) for ok, changed, failed in counts] == [(True, "0", "0")]
