# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in the bucket: what is wanted, what the server says, and the steps between. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

POLICY_VERSION = "2012-10-17"
# Everything with objects, but neither removing the bucket nor opening it: a leaked key must not publish the archives.
# MinIO reads "s3:*" on bucket/* as including the bucket's own settings, so the actions are named.
OBJECT_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions")

Policy = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """The bucket, its one user, and what everybody may read."""

    bucket: str
    access_key: str
    public_prefixes: tuple[str, ...]

    @property
    def policy_name(self) -> str:
        return policy_name(self.bucket)

    @property
    def policy(self) -> Policy:
        arn = f"arn:aws:s3:::{self.bucket}"
        return _policy(
            {"Effect": "Allow", "Action": list(BUCKET_ACTIONS), "Resource": [arn]},
            {"Effect": "Allow", "Action": list(OBJECT_ACTIONS), "Resource": [f"{arn}/*"]},
        )

    @property
    def anonymous(self) -> Policy | None:
        resources = [f"arn:aws:s3:::{self.bucket}/{prefix.strip('/')}/*" for prefix in self.public_prefixes]
        if not resources:
            return None
        everybody = {"AWS": ["*"]}
        return _policy({"Effect": "Allow", "Principal": everybody, "Action": ["s3:GetObject"], "Resource": resources})


@dataclass(frozen=True)
class Found:
    """What the server has. Without arguments: nothing."""

    bucket: bool = False
    policy: Policy | None = None
    user_status: str = ""
    user_policies: tuple[str, ...] = ()
    secret_accepted: bool = False
    anonymous: Policy | None = None


@dataclass(frozen=True)
class Step:
    """One thing to do: a line for the report, the client's arguments, and what it reads."""

    action: str
    arguments: tuple[str, ...]
    policy: Policy | None = None
    needs_credentials: bool = False


def policy_name(bucket: str) -> str:
    """The policy of everybody who writes media."""
    return f"mastodon-{bucket}"


def steps(found: Found, wanted: Wanted) -> list[Step]:
    """In an order in which each step finds what it needs. {} stands for the file with the policy."""
    bucket, policy = f"root/{wanted.bucket}", wanted.policy_name
    result = []
    if not found.bucket:
        result.append(Step(f"make bucket {wanted.bucket}", ("mb", bucket)))
    if not same(found.policy, wanted.policy):
        result.append(
            Step(f"write policy {policy}", ("admin", "policy", "create", "root", policy, "{}"), wanted.policy)
        )
    result += user_steps(found, wanted.access_key, policy)
    if not same(found.anonymous, wanted.anonymous):
        if wanted.anonymous is None:
            result.append(Step("close anonymous access", ("anonymous", "set", "private", bucket)))
        else:
            arguments = ("anonymous", "set-json", "{}", bucket)
            result.append(Step("write anonymous policy", arguments, wanted.anonymous))
    return result


def user_steps(found: Found, user: str, policy: str) -> list[Step]:
    """One user, with this policy and no other."""
    result = []
    if found.user_status != "enabled" or not found.secret_accepted:
        # Makes the user, or gives it this secret and enables it again.
        result.append(Step(f"set credentials of {user}", ("admin", "user", "add", "root"), needs_credentials=True))
    for extra in sorted(set(found.user_policies) - {policy}):
        result.append(Step(f"detach policy {extra}", ("admin", "policy", "detach", "root", extra, "--user", user)))
    if policy not in found.user_policies:
        result.append(Step(f"attach policy {policy}", ("admin", "policy", "attach", "root", policy, "--user", user)))
    return result


def removal_steps(found: Found, user: str) -> list[Step]:
    """No such user any more. Its key opens nothing from then on, links signed with it neither."""
    return [Step(f"remove user {user}", ("admin", "user", "remove", "root", user))] if found.user_status else []


def same(one: Policy | None, other: Policy | None) -> bool:
    """Whether two policies mean the same: the server keeps lists in an order of its own."""
    return bool(_normal(one) == _normal(other))


def answers(output: str) -> list[dict[str, Any]]:
    """The client's JSON lines."""
    parsed = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return [line for line in parsed if isinstance(line, dict)]


def error_of(lines: Iterable[dict[str, Any]]) -> tuple[str, str]:
    """Code and text of the first error, or two empty strings."""
    for line in lines:
        if line.get("status") == "error":
            error = line["error"]
            if isinstance(error, str):
                return "", error
            cause = error.get("cause", {})
            details = cause.get("error", {})
            code = details.get("Code", "") if isinstance(details, dict) else ""
            return code, cause.get("message") or error.get("message", "")
    return "", ""


def _policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return _sorted([_normal(item) for item in value])
    return value


def _sorted(values: Sequence[Any]) -> list[Any]:
    return sorted(values, key=lambda value: json.dumps(value, sort_keys=True))
