"""What must hold in every layout: `from tests.e2e.layout import *` in a layout's tests. It asks the running system."""

from __future__ import annotations

import io
import shlex
import socket
import subprocess
import sys
import time
import uuid
from urllib.parse import urlsplit

import pytest
import requests
from mastodon.errors import MastodonError
from PIL import Image
from websocket import WebSocketException

from tests.e2e import hosts
from tests.e2e.client import Visitor, session
from tests.e2e.cluster import ROOT, Cluster
from tests.e2e.hosts import host, sql
from tests.e2e.outside import Mail, Remote, wait
from tests.e2e.rounds import Round

RETURN_LIMIT = 180  # seconds until the site answers after all hosts were rebooted at once


def unique(text: str = "end to end") -> str:
    """A text that is nowhere else."""
    return f"{text} {uuid.uuid4().hex}"


def picture() -> bytes:
    """A small PNG, different each time."""
    data = io.BytesIO()
    Image.effect_noise((64, 48), 90).save(data, "PNG")
    return data.getvalue()


def connects(address: str, port: int) -> bool:
    """Whether this machine, which is no host of the cluster, gets a connection."""
    try:
        with socket.create_connection((address, port), 2):
            return True
    except OSError:
        return False


def connects_from(cluster: Cluster, source: str, address: str, port: int) -> bool:
    """Whether a host of the cluster gets a connection."""
    script = f"import socket; socket.create_connection(({address!r}, {port}), 2).close()"
    return host(cluster, source).run(f"python3 -c {shlex.quote(script)}").rc == 0


def test_testinfra_speaks_ssh(cluster: Cluster) -> None:
    for name in cluster.hosts:
        assert type(host(cluster, name).backend).__name__ == "SshBackend"


def test_a_post_is_in_the_database_and_reaches_a_socket(cluster: Cluster, admin: Visitor) -> None:
    text = unique()
    with admin.stream("user") as stream:
        status = admin.api.status_post(text, visibility="public")
        event = stream.wait_for("update", text)
    assert str(event["id"]) == str(status.id)
    assert sql(cluster, f"SELECT id FROM statuses WHERE text = '{text}'") == [[str(status.id)]]
    assert str(status.id) in [str(found.id) for found in admin.api.timeline_home(limit=5)]


def test_strangers_hear_of_a_public_post(cluster: Cluster, admin: Visitor) -> None:
    text = unique()
    with admin.stream("public") as stream:
        admin.api.status_post(text, visibility="public")
        stream.wait_for("update", text)
    shown = session(cluster.authority).get(f"{admin.base}/api/v1/timelines/public?limit=5", timeout=15).json()
    assert [found for found in shown if text in found["content"]]


def test_the_same_key_posts_once(cluster: Cluster, admin: Visitor) -> None:
    text, key = unique(), uuid.uuid4().hex
    first, second = (admin.api.status_post(text, idempotency_key=key) for _ in range(2))
    assert first.id == second.id
    assert sql(cluster, f"SELECT count(*) FROM statuses WHERE text = '{text}'") == [["1"]]


def test_a_job_of_every_queue_runs_and_every_worker_host_takes_some(cluster: Cluster) -> None:
    note = uuid.uuid4().hex
    queues = cluster.settings["queues"]
    # Long enough that no process can take all of a queue before the others have looked.
    orders = [{"queue": queue, "note": note, "wait_ms": 250} for queue in queues for _ in range(24)]
    hosts.push(cluster, orders)
    query = f"SELECT queue, hostname FROM lab_runs WHERE note = '{note}' AND finished_at IS NOT NULL"
    rows = wait(lambda: rows if len(rows := sql(cluster, query)) == len(orders) else None, "the jobs", 60)
    assert {queue for queue, _hostname in rows} == set(queues)
    assert {hostname for _queue, hostname in rows} == set(cluster.with_role("sidekiq_workers"))


def test_a_mail_arrives(cluster: Cluster, admin: Visitor, mail: Mail) -> None:
    address = cluster.settings["admin"]["email"]
    before = len(mail.to(address))
    admin.session.post(f"{admin.base}/auth/password", data={"user[email]": address}, timeout=15)
    message = wait(lambda: mail.to(address)[before:], "the mail")[0]
    assert cluster.settings["web_domain"] in str(message.get_payload(decode=True) or message.as_string())


def test_a_remote_server_follows_and_gets_a_delivery(cluster: Cluster, admin: Visitor, remote: Remote) -> None:
    target = f"{admin.base}/users/{cluster.settings['admin']['username']}"
    follow = remote.follow(target)
    answer = session(cluster.authority).post(
        f"{admin.base}/inbox", json=follow, headers={"Content-Type": "application/activity+json"}, timeout=15
    )
    assert answer.status_code == 202
    wait(lambda: remote.activities("Accept", follow["id"]), "the answer to the follow")
    text = unique()
    admin.api.status_post(text, visibility="public")
    wait(lambda: remote.activities("Create", text), "the delivery of the post")


def test_a_picture_comes_back_from_the_store(cluster: Cluster, admin: Visitor) -> None:
    data = picture()
    media = admin.api.media_post(io.BytesIO(data), mime_type="image/png")
    media = wait(lambda: media if media.url else admin.api.media(media.id), "the picture")
    parts = urlsplit(media.url)
    assert parts.hostname == cluster.settings["media_domain"]
    answer = session(cluster.authority).get(media.url, timeout=15)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as found:
        assert found.size == (64, 48)
    partial = session(cluster.authority).get(media.url, headers={"Range": "bytes=0-7"}, timeout=15)
    assert partial.status_code == 206 and partial.content == b"\x89PNG\r\n\x1a\n"
    store = cluster.hosts[cluster.settings["hosts"]["minio"]]["minio"]
    direct = f"http://{store['address']}:{store['port']}/{store['bucket']}{parts.path}"
    entry = host(cluster, cluster.settings["hosts"]["nginx"][0])
    assert entry.check_output(f"curl -s -o /dev/null -w '%{{http_code}}' {shlex.quote(direct)}") == "200"


def test_media_cannot_be_listed_nor_written(cluster: Cluster) -> None:
    visitor, base = session(cluster.authority), f"https://{cluster.settings['media_domain']}"
    bucket = cluster.hosts[cluster.settings["hosts"]["minio"]]["minio"]["bucket"]
    for path in ("/", "/?list-type=2", f"/{bucket}", f"/{bucket}/", f"/{bucket}/?list-type=2&max-keys=1"):
        answer = visitor.get(base + path, timeout=15, allow_redirects=False)
        assert answer.status_code >= 400 and "ListBucketResult" not in answer.text, path
    for path in (f"/{bucket}/media_attachments/x", "/media_attachments/x"):
        assert visitor.put(base + path, data=b"x", timeout=15).status_code >= 400


ARCHIVE = """
require "aws-sdk-s3"
client = Aws::S3::Client.new(
  endpoint: ENV.fetch("S3_ENDPOINT"), region: ENV.fetch("S3_REGION"), force_path_style: true,
  access_key_id: ENV.fetch("AWS_ACCESS_KEY_ID"), secret_access_key: ENV.fetch("AWS_SECRET_ACCESS_KEY")
)
client.put_object(bucket: ENV.fetch("S3_BUCKET"), key: ARGV[0], body: "somebody's archive")
signer = Aws::S3::Presigner.new(client: client)
puts "link: " + signer.presigned_url(:get_object, bucket: ENV.fetch("S3_BUCKET"), key: ARGV[0], expires_in: 600)
"""


def test_archives_need_their_signed_link(cluster: Cluster) -> None:
    key = f"backups/{uuid.uuid4().hex}.txt"
    worker = host(cluster, cluster.settings["migrate_host"])
    lines = worker.check_output(f"{hosts.RUNNER} {shlex.quote(ARCHIVE)} {key}").splitlines()
    link = next(line.removeprefix("link: ") for line in lines if line.startswith("link: "))
    visitor = session(cluster.authority)
    assert visitor.get(link, timeout=15).text == "somebody's archive"
    bucket = cluster.hosts[cluster.settings["hosts"]["minio"]]["minio"]["bucket"]
    for path in (f"/{key}", f"/{bucket}/{key}"):
        answer = visitor.get(f"https://{cluster.settings['media_domain']}{path}", timeout=15)
        assert answer.status_code in (403, 404) and "archive" not in answer.text


def inner_ports(share: dict[str, object]) -> dict[int, str]:
    """Ports of a host that nobody outside the cluster may reach, by the plan."""
    found = {}
    for name in ("postgres", "pgbouncer", "minio"):
        if name in share:
            found[share[name]["port"]] = name  # type: ignore[index]
    for name in ("redis", "puma", "streaming"):
        found.update({one["port"]: name for one in share.get(name, [])})  # type: ignore[attr-defined]
    relay = share.get("relay", {})
    found.update({one["port"]: "relay" for one in relay.get("listeners", [])})  # type: ignore[attr-defined]
    return found


def test_from_outside_only_the_site_is_reachable(cluster: Cluster) -> None:
    tried = [(name, port) for name, share in cluster.hosts.items() for port in inner_ports(share)]
    assert tried
    assert [place for place in tried if connects(cluster.addresses[place[0]], place[1])] == []
    assert connects(cluster.entry, 443) and connects(cluster.entry, 80)


def test_postgresql_lets_in_the_planned_clients_only(cluster: Cluster) -> None:
    share = cluster.hosts[cluster.settings["hosts"]["postgres"]]["postgres"]
    rows = sql(cluster, "SELECT address, auth_method, error IS NULL FROM pg_hba_file_rules WHERE type LIKE 'host%'")
    outside = {address for address, _method, _fine in rows if address not in ("127.0.0.1", "::1")}
    assert outside == {client["address"].split("/")[0] for client in share["clients"]} - {"127.0.0.1"}
    assert {(method, fine) for _address, method, fine in rows} == {("scram-sha-256", "t")}


def test_http_leads_to_https(cluster: Cluster, admin: Visitor) -> None:
    answer = session(cluster.authority).get(
        f"http://{cluster.settings['web_domain']}/about?x=1", timeout=15, allow_redirects=False
    )
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"{admin.base}/about?x=1"


def test_a_foreign_name_gets_nothing(cluster: Cluster) -> None:
    entry = host(cluster, cluster.settings["hosts"]["nginx"][0])
    ask = "curl -s -k -o /dev/null -w '%{http_code}' -H 'Host: evil.example'"
    assert entry.run(f"{ask} https://127.0.0.1/about").stdout not in ("200", "301", "302")
    for name in cluster.with_role("puma"):
        for one in cluster.hosts[name]["puma"]:
            web = host(cluster, name)
            url = f"http://{one['address']}:{one['port']}/about"
            assert web.run(f"{ask} -H 'X-Forwarded-Proto: https' {url}").stdout == "403"


def really_secret(cluster: Cluster) -> dict[str, str]:
    """Without what only names a user or is public by design."""
    open_ones = ("minio_root_user", "s3_access_key", "vapid_public_key")
    return {key: value for key, value in cluster.secrets.items() if key not in open_ones and len(value) > 12}


def test_secrets_are_not_for_everybody(cluster: Cluster) -> None:
    assert cluster.secrets_file.stat().st_mode & 0o777 == 0o600
    wanted = really_secret(cluster)
    places = "/etc /opt/mastodon/shared /usr/local /var/lib/mastodon-units"
    everybody = (
        f"find {places} -xdev -type f -size -256k -perm /o=r -exec cat {{}} + 2>/dev/null | tr -cd '[:print:]\\n'"
    )
    for name in cluster.hosts:
        out = host(cluster, name).run(everybody).stdout
        assert "root:x:0:0" in out
        assert [key for key, value in wanted.items() if value in out] == [], name
    for name in cluster.with_role("mastodon"):
        env = host(cluster, name).file("/opt/mastodon/shared/.env.production")
        if cluster.hosts[name]["mastodon"]["tree"] != "public":
            assert (env.mode & 0o777, env.user) == (0o600, "mastodon")


@pytest.mark.parametrize("command", ["ps axww -o args=", "journalctl -q --no-pager -o cat"])
def test_no_secret_is_in(cluster: Cluster, command: str) -> None:
    wanted = really_secret(cluster)
    for name in cluster.hosts:
        out = host(cluster, name).check_output(command)
        assert [key for key, value in wanted.items() if value in out] == [], name


def test_the_second_run_restarted_nothing(this_round: Round) -> None:
    if this_round.before is None:
        pytest.skip("the first round: the second run of site.yml is still to come")
    assert this_round.processes == this_round.before


def test_all_hosts_rebooted_at_once_come_back(
    cluster: Cluster, lab: str, this_round: Round, capsys: pytest.CaptureFixture[str]
) -> None:
    if this_round.before is None:
        pytest.skip("hosts are rebooted once, in the second round")
    command = [sys.executable, "-m", "tests.lab", "fault", lab, "reboot", *sorted(cluster.hosts)]
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    host.cache_clear()  # connections of before
    answered = wait(lambda: posted(cluster, started), "the site", RETURN_LIMIT)
    note = uuid.uuid4().hex
    wait(lambda: pushed(cluster, note), "the push of jobs", RETURN_LIMIT)
    query = f"SELECT DISTINCT queue FROM lab_runs WHERE note = '{note}'"
    wait(lambda: len(sql(cluster, query)) == len(cluster.settings["queues"]), "a job of every queue", RETURN_LIMIT)
    worked = time.monotonic() - started
    told = (
        f"{len(cluster.hosts)} hosts rebooted at once: a post after {answered:.0f} s, all queues after {worked:.0f} s"
    )
    with capsys.disabled():
        print(f"\n{told}")
    assert worked <= RETURN_LIMIT
    failed = {name: host(cluster, name).run("systemctl --failed --no-legend --plain").stdout for name in cluster.hosts}
    assert {name: text for name, text in failed.items() if "mastodon-" in text} == {}


def posted(cluster: Cluster, started: float) -> float | None:
    """Seconds since the start, if somebody can log in and post and hear of it; None while the site is not back."""
    try:
        visitor = Visitor(cluster, cluster.settings["admin"]["email"], cluster.secrets["admin_password"])
        text = unique("after the reboot")
        with visitor.stream("user") as stream:
            visitor.api.status_post(text)
            stream.wait_for("update", text, 5)
        return time.monotonic() - started
    except (OSError, requests.RequestException, AssertionError, MastodonError, WebSocketException):
        time.sleep(0.5)
        return None


def pushed(cluster: Cluster, note: str) -> bool:
    """Whether jobs can be pushed again."""
    try:
        hosts.push(cluster, [{"queue": queue, "note": note} for queue in cluster.settings["queues"]])
        return True
    except AssertionError:
        return False
