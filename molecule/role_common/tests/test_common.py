"""What every host needs, asked of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

testinfra_hosts = ["ansible://main?sudo=true"]


def test_the_application_cannot_log_in_and_owns_its_tree(host):
    assert host.user("mastodon").shell == "/usr/sbin/nologin"
    assert host.user("mastodon").home == "/opt/mastodon"
    for name in ("archives", "releases", "shared"):
        host.run_expect([0], f"runuser -u mastodon -- test -w /opt/mastodon/{name}")
    host.run_expect([1], "runuser -u mastodon -- test -w /etc/mastodon")


@pytest.mark.parametrize("name", ["media.example.social", "example.social"])
def test_the_clusters_names_resolve_to_it(host, name):
    assert host.check_output(f"getent ahostsv4 {name}").split()[0] == "10.40.0.11"


def test_other_names_stay(host):
    assert "127.0.0.1" in host.check_output("getent ahostsv4 localhost")


def test_names_survive_that_something_writes_the_file_anew_at_boot(host):
    # cat: the file is a mount point here, which sed -i cannot replace.
    host.check_output("sed '/BEGIN fediverse/,/END fediverse/d' /etc/hosts > /run/hosts && cat /run/hosts > /etc/hosts")
    host.run_expect([2], "getent ahostsv4 example.social")
    host.check_output("systemctl restart mastodon-names.service")
    assert host.check_output("getent ahostsv4 example.social").split()[0] == "10.40.0.11"


def test_the_journal_has_the_quota(host):
    said = host.check_output("journalctl --no-pager -o cat -u systemd-journald -n 5")
    assert "max 2G" in said or "max 2.0G" in said, said


def test_our_authority_is_trusted_and_a_foreign_one_is_not(host):
    ours = "/usr/local/share/ca-certificates/fediverse-mastodon-scenario.crt"
    assert host.run(f"openssl verify {ours}").rc == 0
    host.check_output(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null"
        " -out /run/foreign.pem -days 2 -subj /CN=foreign"
    )
    assert host.run("openssl verify /run/foreign.pem").rc != 0


def test_kernel_settings_are_at_least_ours(host):
    # This one can be set in a container's own network namespace or has been high before; others are its host's.
    assert int(host.check_output("cat /proc/sys/net/core/somaxconn")) >= 4096
    assert int(host.check_output("cat /proc/sys/fs/file-max")) >= 262144


def test_the_scenarios_authority_is_a_certificate():
    assert (Path(__file__).parents[1] / "ca.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")
