# GPL-3.0-or-later (see LICENSE)
"""What the object store answered, its refusals told apart by their code; and whether there has to be one (c.10)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .checks import Check, not_asked
from .environment import StoreAt

# Their jobs fetch, resize or delete media. Deliveries and mail do not.
MEDIA_QUEUES = ("default", "ingress", "pull", "scheduler")
SKEWED = "RequestTimeTooSkewed"


@dataclass(frozen=True)
class Answer:
    """One request's answer. status 0: there was none, `code` says why."""

    method: str
    status: int
    code: str = ""
    text: str = ""
    tls: bool = False

    @property
    def fine(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


def refused(method: str, status: int, body: str) -> Answer:
    """An answer with S3's error document. Without one the status has to do."""
    code = re.search(r"<Code>([^<]*)</Code>", body)
    text = re.search(r"<Message>([^<]*)</Message>", body)
    return Answer(method, status, code.group(1) if code else "", html.unescape(text.group(1)) if text else "")


def judge(at: StoreAt, failed: Answer | None, asked: str, ms: float, env_file: str) -> Check:
    """failed: the first answer that was not fine; asked: the requests that were made."""
    where = f"{at.bucket} at {at.endpoint}"
    if failed is None:
        return Check("s3", True, f"{where}: {asked}", ms=ms)
    seen = f"{where}: {failed.method}: {f'{failed.status} ' if failed.status else ''}{failed.code}".rstrip()
    if failed.text:
        seen += f" ({failed.text.rstrip('.')})"
    follows: tuple[str, ...] = ()
    if failed.code == SKEWED or failed.tls:
        follows = ("clock", "tunnel")
    elif not failed.status:
        follows = ("tunnel",)
    return Check("s3", False, seen, "", _hint(failed, env_file), ms, follows)


def _hint(failed: Answer, env_file: str) -> str:
    hints = {
        "SignatureDoesNotMatch": f"AWS_SECRET_ACCESS_KEY (or S3_REGION) in {env_file} is wrong.",
        "InvalidAccessKeyId": f"The store does not know AWS_ACCESS_KEY_ID of {env_file}: was this host's key revoked?",
        "AccessDenied": "The key is right, its policy forbids this: run the role minio, or look at the policy.",
        "NoSuchBucket": f"S3_BUCKET in {env_file} names no bucket there.",
        SKEWED: "The store's clock and this host's are more than 15 min apart: set the wrong one.",
    }
    if failed.code in hints:
        return hints[failed.code]
    if failed.tls:
        return "This host does not trust its certificate: run the role common (trusted CAs), or mend the certificate."
    if not failed.status:
        return f"Does S3_ENDPOINT of {env_file} lead to the media host from here (/etc/hosts), and is its nginx up?"
    if failed.status == 403:
        return (
            "403 without S3's error document: a proxy in front refuses this address (nginx.app_addresses of the plan)."
        )
    return "Look at the store's log."


def media(enabled: bool, shared: bool, queues: Iterable[str]) -> Check:
    """Whether what jobs write can be seen by the others."""
    if enabled:
        return Check("media", True, "object storage")
    if shared:
        return Check("media", True, "a shared directory, as declared")
    writing = [name for name in MEDIA_QUEUES if name in set(queues)]
    if not writing:
        return Check("media", True, "no object storage, and none of its queues writes media")
    return Check(
        "media",
        False,
        f"no object storage: queues {'/'.join(writing)} write media to a local disk",
        "",
        "Use object storage (mastodon_s3_backend), or give this host push and mailers only.",
    )


def off() -> Check:
    """The store's check where there is none."""
    return not_asked("s3", "S3_ENABLED is not true")
