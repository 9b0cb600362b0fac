"""Steps from what the server has to what is wanted, with answers of minio-client 0.0~20250403-3 (Debian 13)."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._minio.access import (
    Found,
    Wanted,
    answers,
    error_of,
    same,
    steps,
)

WANTED = Wanted("mastodon", "key", ("accounts", "/cache/"))
RIGHT = Found(
    bucket=True,
    policy=WANTED.policy,
    user_status="enabled",
    user_policies=("mastodon-mastodon",),
    secret_accepted=True,
    anonymous=WANTED.anonymous,
)

NO_POLICY = (
    '{"status":"error","error":{"message":"Unable to fetch policy",'
    '"cause":{"message":"The canned policy does not exist.",'
    '"error":{"Code":"XMinioAdminNoSuchPolicy","Message":"The canned policy does not exist."}},"type":"fatal"}}\n'
)
REFUSED = '{"status":"error","error":"Get \\"http://127.0.0.1:9199/\\": dial tcp: connect: connection refused"}\n'
NOT_THERE = (
    '{"status":"error","error":{"message":"Unable to list folder.",'
    '"cause":{"message":"Bucket `mastodon` does not exist.","error":{"Bucket":"mastodon"}},"type":"error"}}\n'
)
ANONYMOUS = (
    '{"operation":"get-json","status":"success","bucket":"s/mastodon","permission":"custom","anonymous":{"Statement":['
    '{"Action":["s3:GetObject"],"Effect":"Allow","Principal":{"AWS":["*"]},'
    '"Resource":["arn:aws:s3:::mastodon/cache/*","arn:aws:s3:::mastodon/accounts/*"]}],"Version":"2012-10-17"}}\n'
)


def test_everything_is_made_in_an_order_that_works():
    assert [step.action for step in steps(Found(), WANTED)] == [
        "make bucket mastodon",
        "write policy mastodon-mastodon",
        "set credentials of key",
        "attach policy mastodon-mastodon",
        "write anonymous policy",
    ]


def test_nothing_is_done_when_all_is_right():
    assert steps(RIGHT, WANTED) == []


@pytest.mark.parametrize(
    "wrong, action",
    [
        ({"bucket": False}, "make bucket mastodon"),
        ({"policy": {"Version": "2012-10-17", "Statement": []}}, "write policy mastodon-mastodon"),
        ({"secret_accepted": False}, "set credentials of key"),
        ({"user_status": "disabled"}, "set credentials of key"),
        ({"user_policies": ("mastodon-mastodon", "readwrite")}, "detach policy readwrite"),
        ({"user_policies": ()}, "attach policy mastodon-mastodon"),
        ({"anonymous": None}, "write anonymous policy"),
    ],
)
def test_each_deviation_has_its_step(wrong, action):
    assert [step.action for step in steps(dataclasses.replace(RIGHT, **wrong), WANTED)] == [action]


def test_without_prefixes_nothing_is_public():
    closed = dataclasses.replace(WANTED, public_prefixes=())
    assert [step.action for step in steps(RIGHT, closed)] == ["close anonymous access"]


def test_archives_are_never_public():
    assert not [
        arn for arn in WANTED.anonymous["Statement"][0]["Resource"] if "backups" in arn or arn.endswith("mastodon/*")
    ]


def test_the_user_cannot_open_or_remove_the_bucket():
    granted = {action for statement in WANTED.policy["Statement"] for action in statement["Action"]}
    assert "s3:ListBucket" in granted
    assert not granted & {"s3:*", "s3:PutBucketPolicy", "s3:DeleteBucket", "s3:DeleteBucketPolicy"}


def test_secrets_are_in_no_argument():
    for step in steps(Found(), WANTED):
        assert "{}" in step.arguments or step.policy is None
        assert step.needs_credentials == (step.action == "set credentials of key")


def test_the_servers_order_is_no_difference():
    assert same(answers(ANONYMOUS)[0]["anonymous"], WANTED.anonymous)


@pytest.mark.parametrize(
    "output, code, text",
    [
        (NO_POLICY, "XMinioAdminNoSuchPolicy", "The canned policy does not exist."),
        (REFUSED, "", 'Get "http://127.0.0.1:9199/": dial tcp: connect: connection refused'),
        (NOT_THERE, "", "Bucket `mastodon` does not exist."),
        (ANONYMOUS, "", ""),
        ("mc: some notice\n", "", ""),
    ],
)
def test_errors_of_the_client(output, code, text):
    assert error_of(answers(output)) == (code, text)
