# GPL-3.0-or-later (see LICENSE)
"""A worker's own user of the object store, on the store's host."""

from __future__ import annotations

import shutil

from .._join.access import Grant
from .._minio.access import Step, policy_name, removal_steps, user_steps
from .._minio.client import Client
from .._shell import Changes, Module, Refusal, read_text
from .._verify import dotenv
from .._wire.model import Secret

SETTINGS = "/etc/mastodon/minio.env"
# A client that the admin chose is in the first one (role minio).
PLACES = "/usr/local/bin:/usr/bin"
PATIENCE = 10.0


class MinioAccess:
    """The store of this host. It has the bucket's policy from role minio, which all who write media share."""

    def __init__(
        self, module: Module, changes: Changes, grant: Grant, endpoint: str, bucket: str, password: Secret
    ) -> None:
        self.module, self.changes, self.grant, self.bucket = module, changes, grant, bucket
        if not grant.user:
            return
        told = dotenv.parse(read_text(SETTINGS) or "")
        root = (told.get("MINIO_ROOT_USER", ""), told.get("MINIO_ROOT_PASSWORD", ""))
        program = shutil.which("minio-client", path=PLACES)
        if not program or not all(root):
            missing = SETTINGS if program else "minio-client"
            raise Refusal(f"{missing} is not on this host, so {grant.worker} gets no key: run role minio here first.")
        # To take it away, its secret need not be known.
        self.client = Client(module, program, endpoint, root, (grant.user, password.reveal() or "not-needed"))
        if not self.client.wait(PATIENCE):
            raise Refusal(
                f"MinIO does not answer at {endpoint}: nothing can be granted or revoked for {grant.worker} there."
                " Start it (`systemctl status mastodon-minio`), then run this again."
            )

    def present(self) -> int:
        """The user, with the bucket's policy and no other."""
        if not self.grant.user:
            self.changes.notes.append(f"{self.grant.worker} uses the key for media that all hosts share.")
            return 0
        found, policy = self.client.user(self.bucket), policy_name(self.bucket)
        if found.policy is None:
            raise Refusal(f"MinIO has no policy {policy}, so {self.grant.worker} gets no key: run role minio first.")
        self._take(user_steps(found, self.grant.user, policy))
        return 0

    def absent(self) -> int:
        """No such user any more. MinIO asks for the key at each request, so no connection is left to end."""
        if not self.grant.user:
            self.changes.notes.append(
                f"{self.grant.worker} knew the key for media that all hosts share, and may use it until"
                " s3_secret_key is changed."
            )
            return 0
        self._take(removal_steps(self.client.user(self.bucket), self.grant.user))
        return 0

    def _take(self, steps: list[Step]) -> None:
        for step in steps:
            self.changes.actions.append(f"MinIO: {step.action}")
            if not self.module.check_mode:
                self.client.take(step)
