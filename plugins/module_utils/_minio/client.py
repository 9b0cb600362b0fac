# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's own client, the only one that speaks the (encrypted) administration interface."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import replace
from typing import Any

from .._shell import Module, Refusal
from .access import Found, Step, Wanted, answers, error_of, policy_name

STARTING = ("connection refused", "not initialized", "no route to host", "connection reset", "i/o timeout")
ABSENT = {"XMinioAdminNoSuchPolicy", "XMinioAdminNoSuchUser", "NoSuchBucketPolicy"}


class Client:
    """Runs the client with the root user's credentials, given by its environment: no other user sees them."""

    def __init__(
        self, module: Module, program: str, endpoint: str, root: tuple[str, str], user: tuple[str, str]
    ) -> None:
        """root, user: name and secret; user is who is to be given access, or to lose it."""
        self._module, self._program, self._endpoint, self._credentials = module, program, endpoint, user
        scheme, _, host = endpoint.partition("://")
        self._environment = {
            f"MC_HOST_{alias}": f"{scheme}://{name}:{secret}@{host}"
            for alias, (name, secret) in {"root": root, "app": user}.items()
        }

    @property
    def installed(self) -> bool:
        return os.access(self._program, os.X_OK)

    def wait(self, seconds: float) -> bool:
        """Until the server answers; False when it does not in time."""
        deadline = time.monotonic() + seconds
        while True:
            code, text = error_of(self._run(["ls", "root/"])[1])
            if not text:
                return True
            if code or not any(word in text for word in STARTING):
                raise Refusal(
                    f"MinIO at {self._endpoint} refuses the root user (minio_root_user, minio_root_password): {text}"
                )
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)

    def found(self, wanted: Wanted) -> Found:
        """What the server has of what is wanted."""
        buckets = [line.get("key", "").rstrip("/") for line in self._ask("ls", "root/")]
        bucket = wanted.bucket in buckets
        anonymous = self._ask("anonymous", "get-json", f"root/{wanted.bucket}") if bucket else []
        return replace(
            self.user(wanted.bucket),
            bucket=bucket,
            anonymous=anonymous[0].get("anonymous") if anonymous else None,
        )

    def user(self, bucket: str) -> Found:
        """What the server has of the user, and the bucket's policy."""
        policy = self._ask("admin", "policy", "info", "root", policy_name(bucket))
        user = self._ask("admin", "user", "info", "root", self._credentials[0])
        # Every answer but these shows that the signature was right, also one that denies access.
        code = error_of(self._run(["ls", f"app/{bucket}"])[1])[0] if user else "InvalidAccessKeyId"
        return Found(
            policy=policy[0]["policyInfo"]["Policy"] if policy else None,
            user_status=user[0].get("userStatus", "") if user else "",
            user_policies=tuple(name for name in user[0].get("policyName", "").split(",") if name) if user else (),
            secret_accepted=code not in ("SignatureDoesNotMatch", "InvalidAccessKeyId"),
        )

    def take(self, step: Step) -> None:
        """Do one step."""
        data = "\n".join(self._credentials) + "\n" if step.needs_credentials else None
        with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
            json.dump(step.policy, stream)
            stream.flush()
            arguments = [stream.name if argument == "{}" else argument for argument in step.arguments]
            code, lines = self._run(arguments, data)
        _code, text = error_of(lines)
        if code or text:
            raise Refusal(f"MinIO at {self._endpoint} refuses to {step.action}: {text or 'no reason given'}")

    def _ask(self, *arguments: str) -> list[dict[str, Any]]:
        lines = self._run(list(arguments))[1]
        code, text = error_of(lines)
        if text and code not in ABSENT:
            raise Refusal(f"MinIO at {self._endpoint} does not answer {' '.join(arguments)}: {text}")
        return [] if text else lines

    def _run(self, arguments: list[str], data: str | None = None) -> tuple[int, list[dict[str, Any]]]:
        # The client keeps a directory of its own even when everything comes by the environment.
        with tempfile.TemporaryDirectory(prefix="minio-client-") as directory:
            command = [self._program, "--json", "--config-dir", directory, *arguments]
            code, out, err = self._module.run_command(command, data=data, environ_update=self._environment)
        lines = answers(out) or answers(err)
        if code and not lines:
            raise Refusal(f"{self._program} {' '.join(arguments)} failed: {(err or out).strip()}")
        return code, lines
