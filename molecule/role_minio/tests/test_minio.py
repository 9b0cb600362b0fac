"""The store as its clients see it: Mastodon's user, everybody, and root."""

from __future__ import annotations

import json

import pytest

testinfra_hosts = ["ansible://peer"]

ROOT = ("storeroot", "scenario-root-password")
APP = ("mastodonkey", "scenario-secret-key")
PUBLIC = (
    "accounts",
    "cache",
    "custom_emojis",
    "media_attachments",
    "preview_card_providers",
    "preview_cards",
    "site_uploads",
)
WRONG = ("mastodonkey", "another-secret-key")


@pytest.fixture(scope="module")
def store(request):
    import testinfra

    return testinfra.get_host("ansible://store", ansible_inventory=request.config.option.ansible_inventory)


@pytest.fixture(scope="module")
def endpoint(store):
    return f"{store.ansible.get_variables()['mastodon_address']}:9000"


@pytest.fixture(scope="module")
def s3(host, endpoint):
    """MinIO's client on the peer with the credentials of somebody."""

    def run(credentials, *arguments, data=""):
        user, secret = credentials
        command = (
            f"printf %s '{data}' | env MC_HOST_s=http://{user}:{secret}@{endpoint} minio-client --json "
            + " ".join(f"'{argument}'" for argument in arguments)
        )
        result = host.run(command)
        return result.rc, result.stdout + result.stderr

    return run


@pytest.fixture(scope="module")
def status(host, endpoint):
    """HTTP status for somebody without credentials."""

    def get(path, *options):
        command = f"curl -s -o /dev/null -w '%{{http_code}}' {' '.join(options)} 'http://{endpoint}{path}'"
        return int(host.check_output(command))

    return get


def test_mastodon_may_do_everything_with_objects(s3):
    assert s3(APP, "pipe", "s/mastodon/accounts/avatars/a.txt", data="picture")[0] == 0
    assert s3(APP, "cat", "s/mastodon/accounts/avatars/a.txt")[1].strip() == "picture"
    assert "avatars" in s3(APP, "ls", "s/mastodon/accounts/")[1]
    assert s3(APP, "cp", "s/mastodon/accounts/avatars/a.txt", "s/mastodon/cache/copy.txt")[0] == 0
    assert s3(APP, "rm", "s/mastodon/cache/copy.txt")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("mb", "s/other"),
        ("rb", "--force", "s/mastodon"),
        ("anonymous", "set", "public", "s/mastodon"),
        ("admin", "user", "ls", "s"),
        ("admin", "info", "s"),
    ],
    ids=" ".join,
)
def test_mastodon_may_do_nothing_else(s3, arguments):
    code, output = s3(APP, *arguments)
    assert code != 0 or '"status":"error"' in output
    assert "denied" in output.lower()


def test_mastodon_may_not_touch_another_bucket(s3):
    assert s3(ROOT, "mb", "--ignore-existing", "s/another")[0] == 0
    code, output = s3(APP, "pipe", "s/another/x", data="x")
    assert code != 0 and "Insufficient permissions" in output
    assert s3(ROOT, "rb", "--force", "s/another")[0] == 0


def test_wrong_secret_is_refused(s3):
    assert "SignatureDoesNotMatch" in s3(WRONG, "ls", "s/mastodon")[1]


@pytest.mark.parametrize("prefix", PUBLIC)
def test_everybody_reads_public_prefixes(s3, status, prefix):
    assert s3(APP, "pipe", f"s/mastodon/{prefix}/probe", data="x")[0] == 0
    assert status(f"/mastodon/{prefix}/probe") == 200


def test_nobody_reads_archives(s3, status):
    assert s3(APP, "pipe", "s/mastodon/backups/dumps/archive.zip", data="private")[0] == 0
    assert status("/mastodon/backups/dumps/archive.zip") == 403


@pytest.mark.parametrize(
    "path", ["/", "/mastodon", "/mastodon/", "/mastodon/?list-type=2&max-keys=1", "/mastodon/?prefix=accounts/"]
)
def test_nobody_lists(status, path):
    assert status(path) == 403


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nobody_writes(s3, status, method):
    assert s3(APP, "pipe", "s/mastodon/accounts/kept", data="x")[0] == 0
    assert status("/mastodon/accounts/kept", "-X", method, "-d", "overwritten") in (400, 403, 405)
    assert s3(APP, "cat", "s/mastodon/accounts/kept")[1].strip() == "x"


def test_plain_network_does_not_answer(host, store):
    address = store.ansible.get_variables()["ansible_host"]
    assert host.run(f"curl -s -m 3 http://{address}:9000/minio/health/live").rc == 7, "refused"


def test_console_is_off(host, endpoint):
    answer = host.check_output(
        f"curl -s -o /dev/null -w '%{{http_code}} %{{redirect_url}}' -A Mozilla/5.0 http://{endpoint}/"
    )
    assert answer.strip() == "403"


def test_runs_as_its_own_user_in_a_sandbox(store):
    pid = store.check_output("systemctl show -P MainPID mastodon-minio.service")
    with store.sudo():
        status = store.check_output(f"cat /proc/{pid}/status")
        assert store.check_output(f"stat -c %U /proc/{pid}") == "minio"
        assert store.run(f"nsenter -t {pid} -m touch /etc/proof").rc != 0, "the system is read-only for it"
        assert store.file("/etc/mastodon/minio.env").mode == 0o600
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status


def test_secrets_are_in_no_command_line(store):
    with store.sudo():
        commands = store.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "scenario-root-password" not in commands
    assert "scenario-secret-key" not in commands


def test_repairs_what_somebody_opened(s3, status, store):
    """One call of the module finds every deviation, says the same in check mode, and puts all of it right."""
    for arguments in (
        ("anonymous", "set", "public", "s/mastodon"),
        ("admin", "policy", "attach", "s", "readwrite", "--user", APP[0]),
        ("admin", "user", "disable", "s", APP[0]),
    ):
        assert s3(ROOT, *arguments)[0] == 0
    arguments = {
        "endpoint": f"http://{store.ansible.get_variables()['mastodon_address']}:9000",
        "root_user": ROOT[0],
        "root_password": ROOT[1],
        "bucket": "mastodon",
        "access_key": APP[0],
        "secret_key": APP[1],
        "public_prefixes": ",".join(PUBLIC),
    }
    call = " ".join(f"{key}={value}" for key, value in arguments.items())
    predicted = store.ansible("fediverse.mastodon.minio_access", call, become=True)
    done = store.ansible("fediverse.mastodon.minio_access", call, check=False, become=True)
    assert done["actions"] == predicted["actions"]
    assert done["actions"] == ["set credentials of mastodonkey", "detach policy readwrite", "write anonymous policy"]
    assert status("/mastodon/backups/dumps/archive.zip") == 403
    assert not store.ansible("fediverse.mastodon.minio_access", call, check=False, become=True)["changed"]


def test_a_worker_has_a_key_of_its_own_until_it_leaves(s3, store):
    own = ("mastodon_pi.home", "own-secret-of-the-worker")
    endpoint = f"http://{store.ansible.get_variables()['mastodon_address']}:9000"
    call = f"service=minio worker=pi.home password={own[1]} endpoint={endpoint} bucket=mastodon"
    assert "InvalidAccessKeyId" in s3(own, "ls", "s/mastodon")[1]
    predicted = store.ansible("fediverse.mastodon.worker_access", call, become=True)
    done = store.ansible("fediverse.mastodon.worker_access", call, check=False, become=True)
    assert done["actions"] == predicted["actions"] != []
    assert s3(own, "pipe", "s/mastodon/accounts/of-the-worker", data="x")[0] == 0
    assert "denied" in s3(own, "admin", "user", "ls", "s")[1].lower()
    assert not store.ansible("fediverse.mastodon.worker_access", call, check=False, become=True)["changed"]
    gone = store.ansible("fediverse.mastodon.worker_access", f"{call} state=absent", check=False, become=True)
    assert gone["actions"] == ["MinIO: remove user mastodon_pi.home"]
    assert "InvalidAccessKeyId" in s3(own, "cat", "s/mastodon/accounts/of-the-worker")[1]
    assert s3(APP, "rm", "s/mastodon/accounts/of-the-worker")[0] == 0


def test_survives_a_kill(s3, store, endpoint):
    assert s3(APP, "pipe", "s/mastodon/accounts/durable", data="still here")[0] == 0
    killed = store.check_output("systemctl show -P MainPID mastodon-minio.service")
    with store.sudo():
        store.check_output(f"kill -KILL {killed}")
    back = f"until curl -sf http://{endpoint}/minio/health/live; do sleep 0.2; done"
    store.check_output(f"timeout 60 sh -c 'while test -d /proc/{killed}; do sleep 0.1; done; {back}'")
    assert s3(APP, "cat", "s/mastodon/accounts/durable")[1].strip() == "still here"


def test_user_has_only_our_policy(s3):
    user = json.loads(s3(ROOT, "admin", "user", "info", "s", APP[0])[1])
    assert user["policyName"] == "mastodon-mastodon"
