"""The media domain: everybody reads, our hosts write, archives need a signed link."""

from __future__ import annotations

import json
import urllib.parse

import pytest

testinfra_hosts = ["ansible://app"]

MEDIA = "media.social.test"
FILM = 3 << 20


@pytest.fixture(scope="module", autouse=True)
def objects(host, client):
    """Written through nginx, as Mastodon does."""
    for key, text in (
        ("accounts/avatars/a.png", "picture"),
        ("media_attachments/files/empty", ""),
        ("private/key", "not public"),
        ("backups/dumps/a.zip", "archive"),
    ):
        code, output = client(host, "pipe", f"s/mastodon/{key}", data=text)
        assert code == 0, output
    host.check_output(f"seq 1 1000000 | head -c {FILM} > /tmp/film.mp4")
    for name in ("film", "film2"):
        assert client(host, "cp", "/tmp/film.mp4", f"s/mastodon/media_attachments/files/{name}.mp4")[0] == 0


@pytest.fixture(scope="module")
def film():
    return "".join(f"{number}\n" for number in range(1, 1000001)).encode()[:FILM]


@pytest.fixture
def uncached(hosts):
    with hosts["edge"].sudo():
        hosts["edge"].check_output("rm -rf /var/cache/nginx/mastodon_media/*")


def test_written_and_read_through_nginx(host, client):
    assert client(host, "cat", "s/mastodon/private/key")[1].strip() == "not public"
    keys = [json.loads(line)["key"] for line in client(host, "ls", "--recursive", "s/mastodon")[1].splitlines()]
    assert "backups/dumps/a.zip" in keys
    assert client(host, "pipe", "s/mastodon/accounts/gone", data="x")[0] == 0
    assert client(host, "rm", "s/mastodon/accounts/gone")[0] == 0


def test_everybody_reads_and_the_second_comes_from_the_cache(uncached, visit):
    answers = [visit(MEDIA, "/accounts/avatars/a.png") for _ in range(2)]
    assert [answer.body for answer in answers] == [b"picture"] * 2
    assert [answer.headers["x-cached"] for answer in answers] == ["MISS", "HIT"]


def test_headers(visit):
    answer = visit(MEDIA, "/accounts/avatars/a.png", headers={"Origin": "https://elsewhere.test"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert len(answer.names) == len(set(answer.names)), "no header twice"
    assert not [name for name in answer.names if name.startswith("x-amz") or name == "set-cookie"]


@pytest.mark.parametrize("name", ["film", "film2"], ids=["piece first", "piece again"])
def test_pieces(uncached, visit, film, name):
    """Across the border of two cached pieces, from the store and from the cache."""
    for cached in ("MISS", "HIT"):
        answer = visit(MEDIA, f"/media_attachments/files/{name}.mp4", headers={"Range": "bytes=1048000-1049000"})
        assert (answer.status, answer.headers["x-cached"]) == (206, cached)
        assert answer.headers["content-range"] == f"bytes 1048000-1049000/{FILM}"
        assert answer.body == film[1048000:1049001]


def test_whole_film_after_a_piece(visit, film):
    visit(MEDIA, "/media_attachments/files/film.mp4", headers={"Range": "bytes=2000000-2000010"})
    answer = visit(MEDIA, "/media_attachments/files/film.mp4")
    assert (answer.status, answer.headers["content-length"]) == (200, str(FILM))
    assert answer.body == film


def test_head(visit):
    answer = visit(MEDIA, "/media_attachments/files/film.mp4", "HEAD")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, str(FILM), b"")


def test_range_beyond_the_end(visit):
    assert visit(MEDIA, "/media_attachments/files/film.mp4", headers={"Range": "bytes=99999999-"}).status == 416


def test_empty_file(visit):
    answer = visit(MEDIA, "/media_attachments/files/empty")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/accounts/",
        "/?list-type=2",
        "/mastodon",
        "/mastodon/",
        "/mastodon?list-type=2&max-keys=1",
        "/mastodon/?prefix=accounts/",
    ],
)
def test_nobody_lists(visit, path):
    answer = visit(MEDIA, path)
    assert answer.status == 403
    assert b"<Contents>" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/backups/dumps/a.zip",
        "//backups/dumps/a.zip",
        "/%62ackups/dumps/a.zip",
        "/accounts/../backups/dumps/a.zip",
        "/accounts/%2e%2e/backups/dumps/a.zip",
        "/mastodon/backups/dumps/a.zip",
        "/backups/old.zip",
    ],
)
def test_nobody_reads_archives_without_a_link(visit, path):
    answer = visit(MEDIA, path)
    assert answer.status == 403
    assert b"archive" not in answer.body


def test_signed_link_opens_the_archive(host, client, visit):
    shared = json.loads(client(host, "share", "download", "s/mastodon/backups/dumps/a.zip")[1])["share"]
    link = urllib.parse.urlsplit(shared)
    assert link.netloc == MEDIA
    assert visit(MEDIA, f"{link.path}?{link.query}").body == b"archive"
    tampered = link.path.replace("a.zip", "b.zip")
    assert visit(MEDIA, f"{tampered}?{link.query}").status == 403


def test_valid_key_writes_nothing_from_a_foreign_host(hosts, host, client):
    """The same credentials that write from app; other is not in nginx_app_addresses, so it may only read."""
    assert client(hosts["other"], "cat", "s/mastodon/private/key")[1].strip() == "not public"
    for arguments in (("pipe", "s/mastodon/private/key"), ("rm", "s/mastodon/private/key")):
        code, output = client(hosts["other"], *arguments, data="overwritten")
        assert code != 0, output
    assert client(host, "cat", "s/mastodon/private/key")[1].strip() == "not public"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_public_paths_are_for_reading(visit, method):
    assert visit(MEDIA, "/accounts/avatars/a.png", method).status == 405


def test_administration_is_not_reachable(visit):
    assert visit(MEDIA, "/minio/health/live").status == 404
    assert visit(MEDIA, "/minio/admin/v3/info").status == 404


def test_fallback_while_a_copy_runs(visit):
    answer = visit(MEDIA, "/accounts/old.png")
    assert (answer.status, answer.body) == (200, b"old picture")
    assert visit(MEDIA, "/accounts/nowhere.png").status == 404
    assert visit(MEDIA, "/private/key").status == 404, "not public, and not in the fallback"


def test_cache_answers_while_the_store_is_away(host, visit):
    assert visit(MEDIA, "/accounts/avatars/a.png").status == 200
    with host.sudo():
        host.check_output("systemctl stop mastodon-minio.service")
        try:
            assert visit(MEDIA, "/accounts/avatars/a.png").body == b"picture"
        finally:
            host.check_output("systemctl start mastodon-minio.service")
