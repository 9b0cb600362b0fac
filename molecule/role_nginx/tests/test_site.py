"""The website and its streaming server, asked from outside."""

from __future__ import annotations

import collections
import json
import time
import uuid

import pytest
import websocket

testinfra_hosts = ["ansible://app"]

WEB = "social.test"
OWN = "/etc/nginx/sites-enabled/own"


@pytest.fixture
def both(host, visit):
    """Both web backends run and nginx has forgotten the failures of earlier tests."""
    with host.sudo():
        host.check_output("systemctl start backend@3000 backend@3001")
    deadline = time.monotonic() + 30
    while {visit(WEB, "/settle").json.get("name") for _ in range(6)} != {"3000", "3001"}:
        assert time.monotonic() < deadline, "nginx did not take both backends back within 30 s"
        time.sleep(1)


@pytest.fixture
def seen(host):
    """How often the backends together were sent this request."""

    def count(line):
        return int(host.check_output(f"cat /run/backend-300*.log | grep -cxF '{line}' || test $? = 1"))

    return count


def test_spread_is_even(both, visit):
    names = collections.Counter(visit(WEB, "/").json["name"] for _ in range(40))
    assert min(names.values()) >= 18, names


def test_no_connection_to_the_app_is_kept(both, visit):
    ports = [visit(WEB, "/").json["client"] for _ in range(20)]
    assert len(set(ports)) == len(ports)


def test_app_hears_the_truth_about_the_visitor(both, visit, addresses):
    lies = {
        "X-Forwarded-For": "192.0.2.66",
        "X-Forwarded-Proto": "http",
        "X-Real-IP": "192.0.2.66",
        "Client-Ip": "192.0.2.66",
        "Forwarded": "for=192.0.2.66",
        "Proxy": "http://192.0.2.66",
    }
    sent = visit(WEB, "/", headers=lies).json["headers"]
    assert "192.0.2.66" not in str(sent)
    assert sent["X-Forwarded-For"] == sent["X-Real-IP"] == addresses["edge"][0].rpartition(".")[0] + ".1"
    assert sent["X-Forwarded-Proto"] == "https"
    assert sent["Host"] == WEB


def test_dead_backend_costs_no_answer(both, host, visit, seen):
    with host.sudo():
        host.check_output("systemctl stop backend@3001")
    mark = f"/{uuid.uuid4()}"
    assert [visit(WEB, "/").json["name"] for _ in range(30)] == ["3000"] * 30
    assert [visit(WEB, mark, "POST", body="x").status for _ in range(10)] == [200] * 10
    assert seen(f"POST {mark}") == 10


def test_dying_backend_is_asked_twice_only_without_effect(both, visit, seen):
    """A backend that dies with the request in its hands: reading goes on elsewhere, writing does not."""
    mark = f"/die/3000/{uuid.uuid4()}"
    assert [visit(WEB, mark).status for _ in range(4)] == [200] * 4
    mark = f"/die/any/{uuid.uuid4()}"
    assert visit(WEB, mark, "POST", body="x").status == 502
    assert seen(f"POST {mark}") == 1


def test_all_backends_dead_is_our_error_page(both, host, visit):
    with host.sudo():
        host.check_output("systemctl stop backend@3000 backend@3001")
    answer = visit(WEB, "/")
    assert (answer.status, answer.body) == (502, b"<h1>We are sorry</h1>")


def test_app_decides_what_is_cached(both, visit):
    mark = f"/cacheable/{uuid.uuid4()}"
    assert [visit(WEB, mark).headers["x-cached"] for _ in range(2)] == ["MISS", "HIT"]
    assert [visit(WEB, "/").headers["x-cached"] for _ in range(2)] == ["MISS", "MISS"]


def test_websockets_pass_and_spread(visit):
    connections = []
    for _ in range(4):
        sock = visit.connect(WEB)
        connections.append(websocket.create_connection(f"wss://{WEB}/api/v1/streaming/", socket=sock, timeout=10))
    assert sorted(connection.recv() for connection in connections) == ["4000", "4000", "4001", "4001"]
    for connection in connections:
        connection.shutdown()


def test_http2(host, visit):
    version = host.check_output(f"curl -sk --http2 -o /dev/null -w '%{{http_version}}' https://{WEB}/robots.txt")
    assert version == "2"


def test_plain_http_is_redirected(visit):
    answer = visit(WEB, "/@someone?page=2", tls=False)
    assert (answer.status, answer.headers["location"]) == (301, f"https://{WEB}/@someone?page=2")


def test_challenges_are_answered_without_tls(hosts, visit):
    with hosts["edge"].sudo():
        hosts["edge"].check_output("echo token > /var/lib/mastodon-acme/.well-known/acme-challenge/probe")
    assert visit(WEB, "/.well-known/acme-challenge/probe", tls=False).body == b"token\n"


@pytest.mark.parametrize("mebibytes, status", [(99, 200), (100, 413)])
def test_largest_upload(both, visit, mebibytes, status):
    body = (b"\0" * (1 << 20) for _ in range(mebibytes))
    headers = {"Content-Length": str(mebibytes << 20)}
    try:
        assert visit(WEB, "/upload", "POST", headers=headers, body=body).status == status
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413, "only a refused upload may be cut off"


@pytest.mark.parametrize(
    "path, body", [("/packs/app.js", b"// app"), ("/sw.js", b"// app"), ("/robots.txt", b"User-agent: *")]
)
def test_static_files_come_from_nginx(visit, seen, path, body):
    answer = visit(WEB, path)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert seen(f"GET {path}") == 0


def test_missing_asset_does_not_reach_the_app(visit, seen):
    answer = visit(WEB, "/packs/gone.js")
    assert (answer.status, answer.body) == (404, b"<h1>We are sorry</h1>")
    assert seen("GET /packs/gone.js") == 0


@pytest.mark.parametrize("path", ["/", "/packs/app.js", "/robots.txt"])
def test_hsts_once(both, visit, path):
    answer = visit(WEB, path)
    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert answer.names.count("strict-transport-security") == 1


def test_figures_stay_inside(visit, seen):
    assert visit(WEB, "/metrics").status == 404
    assert seen("GET /metrics") == 0


def test_old_media_links_lead_to_the_store(visit):
    answer = visit(WEB, "/system/accounts/avatars/a.png?1")
    assert (answer.status, answer.headers["location"]) == (301, "https://media.social.test/accounts/avatars/a.png")


def test_own_site_of_the_administrator_stays(hosts):
    assert hosts["edge"].check_output("curl -s http://127.0.0.1:8080/") == "mine"


def test_distributions_site_is_off(hosts):
    assert not hosts["edge"].file("/etc/nginx/sites-enabled/default").exists


def test_broken_line_of_the_administrator_changes_nothing(hosts, visit):
    """nginx' own words come back; files and workers stay as they are."""
    edge = hosts["edge"]

    def state():
        # Its cache loader, and workers that still finish old connections, end by themselves.
        workers = "ps -C nginx -o pid=,args= | grep -E 'master process|worker process$'"
        with edge.sudo():
            return edge.check_output(f"sha256sum </etc/nginx/sites-available/mastodon; {workers}; ls -R /etc/nginx")

    before = state()
    call = {"files": [{"path": "sites-available/mastodon", "content": "server { lisssten 80; }"}]}
    result = edge.ansible("fediverse.mastodon.nginx_config", json.dumps(call), check=False, become=True)
    assert 'unknown directive "lisssten" in /etc/nginx/sites-enabled/mastodon:1' in result["msg"]
    assert state() == before
    assert visit(WEB, "/robots.txt").status == 200


def test_what_was_written_but_not_loaded_is_loaded(hosts):
    """As after a run that died before the reload: files are right already, the running server is not."""
    edge, word = hosts["edge"], uuid.uuid4().hex

    def module(check):
        return edge.ansible("fediverse.mastodon.nginx_config", check=check, become=True)["actions"]

    with edge.sudo():
        locations = f"location / {{ return 200 mine; }} location /w {{ return 200 {word}; }}"
        edge.check_output(f"echo 'server {{ listen 8080; {locations} }}' > {OWN}")
    assert edge.check_output("curl -s http://127.0.0.1:8080/w") != word
    assert module(check=True) == module(check=False) == ["reload nginx.service"]
    assert edge.check_output("curl -s http://127.0.0.1:8080/w") == word
    assert module(check=False) == []


def test_a_reload_cuts_no_websocket(hosts, visit):
    sock = visit.connect(WEB)
    connection = websocket.create_connection(f"wss://{WEB}/api/v1/streaming/", socket=sock, timeout=3)
    assert connection.recv() in ("4000", "4001")
    with hosts["edge"].sudo():
        hosts["edge"].check_output("systemctl reload nginx")
    assert visit(WEB, "/robots.txt").status == 200
    with pytest.raises(websocket.WebSocketTimeoutException):  # silence, not a closed connection
        connection.recv()
    connection.shutdown()


def test_key_is_root_only(hosts):
    with hosts["edge"].sudo():
        key = hosts["edge"].file("/etc/nginx/mastodon/privkey.pem")
        assert (key.mode, key.user) == (0o600, "root")
