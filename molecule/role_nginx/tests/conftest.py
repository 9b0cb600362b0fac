"""Visitors from outside (the controller, over the plain network) and Mastodon's place inside (the host `app`)."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from pathlib import Path

import pytest
import testinfra


class Answer:
    """What came back: status, headers in lower case, body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.names = [name.lower() for name, _value in response.getheaders()]
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body) if self.headers.get("content-type") == "application/json" else {}


class Visitor:
    """Speaks HTTP/1.1 to one of our hosts by its plain address, as DNS would lead there."""

    def __init__(self, address, context):
        self.address, self.context = address, context

    def connect(self, domain, tls=True):
        plain = socket.create_connection((self.address, 443 if tls else 80), timeout=20)
        return self.context.wrap_socket(plain, server_hostname=domain) if tls else plain

    def __call__(self, domain, path, method="GET", headers=None, body=None, tls=True):
        connection = http.client.HTTPConnection(domain)
        connection.sock = self.connect(domain, tls)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def hosts(request):
    def get(name):
        return testinfra.get_host(f"ansible://{name}", ansible_inventory=request.config.option.ansible_inventory)

    return {name: get(name) for name in ("edge", "other", "app")}


@pytest.fixture(scope="session")
def addresses(hosts):
    variables = {name: host.ansible.get_variables() for name, host in hosts.items()}
    return {name: (found["ansible_host"], found["mastodon_address"]) for name, found in variables.items()}


@pytest.fixture(scope="session")
def authority():
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "test_ca", "ca.pem")


@pytest.fixture(scope="session")
def visit(addresses, authority):
    """A visitor of edge who trusts our authority and nobody else."""
    return Visitor(addresses["edge"][0], ssl.create_default_context(cafile=str(authority)))


@pytest.fixture(scope="session")
def visit_other(addresses):
    """A visitor of other, whose certificate the stand-in signed itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Visitor(addresses["other"][0], context)


@pytest.fixture(scope="session")
def client(authority):
    """MinIO's client on a host, against nginx, with Mastodon's credentials."""

    def run(host, *arguments, data="", domain="media.social.test"):
        ca = f"/tmp/{authority.name}"
        host.check_output(f"cat > {ca} <<'END'\n{authority.read_text()}END")
        words = " ".join(f"'{argument}'" for argument in arguments)
        credentials = "mastodonkey:scenario-secret-key"
        environment = f"SSL_CERT_FILE={ca} MC_HOST_s=https://{credentials}@{domain}"
        result = host.run(f"printf %s '{data}' | env {environment} minio-client --json {words}")
        return result.rc, result.stdout + result.stderr

    return run
