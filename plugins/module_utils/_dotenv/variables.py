# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in `.env.production` on a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .quote import DotenvError

# These count only in a process's own environment, or would reach the wrong process: streaming reads DB_POOL, PORT and
# BIND from the file.
PROCESS_ONLY = {
    **dict.fromkeys(("WEB_CONCURRENCY", "MAX_THREADS", "MIN_THREADS"), "mastodon_puma"),
    "SIDEKIQ_CONCURRENCY": "mastodon_sidekiq_workers",
    "DB_POOL": "mastodon_puma, mastodon_streaming or mastodon_sidekiq_workers",
    **dict.fromkeys(
        ("PORT", "BIND", "SOCKET", "PERSISTENT_TIMEOUT", "RAILS_ENV", "NODE_ENV", "REDIS_NAMESPACE"),
        "nothing: our units do",
    ),
}
# Of mastodon_environment, what a host that only streams needs to know.
STREAMING_EXTRAS = ("LOG_LEVEL", "TRUSTED_PROXY_IP", "NODE_", "STREAMING_", "DB_", "DATABASE_URL", "REDIS_")

SECRETS = {
    "SECRET_KEY_BASE": "secret_key_base",
    "VAPID_PRIVATE_KEY": "vapid_private_key",
    "VAPID_PUBLIC_KEY": "vapid_public_key",
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY": "active_record_encryption_primary_key",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY": "active_record_encryption_deterministic_key",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT": "active_record_encryption_key_derivation_salt",
}


def _database(database: Mapping[str, Any], password: str) -> dict[str, Any]:
    return {
        "DB_HOST": database["host"],
        "DB_PORT": database["port"],
        "DB_NAME": database["name"],
        "DB_USER": database["user"],
        "DB_PASS": password,
        "PREPARED_STATEMENTS": False,
    }


def _redis(endpoints: Mapping[str, Mapping[str, Any]], password: str) -> dict[str, Any]:
    """Complete sets only: a prefix inherits nothing from the base, not even the password."""
    prefixes = {"base": "", "sidekiq": "SIDEKIQ_", "cache": "CACHE_"}
    found: dict[str, Any] = {}
    for name, endpoint in endpoints.items():
        prefix = prefixes[name]
        found[f"{prefix}REDIS_HOST"] = endpoint["host"]
        found[f"{prefix}REDIS_PORT"] = endpoint["port"]
        if password:
            found[f"{prefix}REDIS_PASSWORD"] = password
        if endpoint.get("user"):
            found[f"{prefix}REDIS_USER"] = endpoint["user"]
    return found


def _storage(s3: Mapping[str, Any], wish: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    if s3.get("backend", "none") == "none":
        return {}
    endpoint = str(s3.get("endpoint") or "")
    user, own = s3.get("user", ""), secrets.get("s3_secret_key", "")
    found: dict[str, Any] = {
        "S3_ENABLED": True,
        "S3_BUCKET": s3["bucket"],
        "S3_REGION": s3.get("region") or "us-east-1",
        # A host that is somebody of its own at our store has the secret of nobody else.
        "AWS_ACCESS_KEY_ID": user or wish.get("access_key") or secrets.get("s3_access_key", ""),
        "AWS_SECRET_ACCESS_KEY": own if user else wish.get("secret_key") or own,
        "S3_ENDPOINT": endpoint or None,
        "S3_HOSTNAME": urlsplit(endpoint).netloc or None,
        "S3_PROTOCOL": "https" if endpoint else None,
        "S3_ALIAS_HOST": s3.get("alias_host") or None,
    }
    if s3["backend"] == "minio":
        # Present and empty: MinIO refuses every object ACL but private, and unset means public-read.
        found["S3_PERMISSION"] = ""
    return found


def _mail(smtp: Mapping[str, Any], domain: str) -> dict[str, Any]:
    given = {f"SMTP_{str(key).upper()}": value for key, value in smtp.items() if value not in (None, "")}
    return {"SMTP_FROM_ADDRESS": f"notifications@{domain}", **given}


def _extra(extra: Mapping[str, Any], tree: str) -> dict[str, Any]:
    wrong = [f"{name} (set {PROCESS_ONLY[name]})" for name in extra if name in PROCESS_ONLY]
    if wrong:
        raise DotenvError(
            f"mastodon_environment: {', '.join(wrong)} has no place in .env.production: "
            "it is read before that file, or by the wrong process"
        )
    if tree == "streaming":
        return {name: value for name, value in extra.items() if name.startswith(STREAMING_EXTRAS)}
    return dict(extra)


def app_environment(settings: Mapping[str, Any]) -> dict[str, Any]:
    """One dict from: tree, domain, web_domain, database, redis, s3, s3_wish, smtp, trusted_proxies, secrets, extra."""
    tree, secrets = settings["tree"], settings.get("secrets") or {}
    if tree == "public":
        return {}
    variables: dict[str, Any] = {
        "LOCAL_DOMAIN": settings["domain"],
        **_database(settings["database"], secrets.get("postgres_password", "")),
        **_redis(
            {name: at for name, at in settings["redis"].items() if tree == "app" or name == "base"},
            secrets.get("redis_password", ""),
        ),
    }
    if settings.get("web_domain") and settings["web_domain"] != settings["domain"]:
        variables["WEB_DOMAIN"] = settings["web_domain"]
    if settings.get("trusted_proxies"):
        variables["TRUSTED_PROXY_IP"] = ",".join(str(address) for address in settings["trusted_proxies"])
    if tree == "app":
        absent = sorted(key for key in SECRETS.values() if not secrets.get(key))
        if absent:
            raise DotenvError(
                f"mastodon_secrets has no {', '.join(absent)}: run the entry point `secrets` of the role mastodon first"
            )
        variables.update({name: secrets[key] for name, key in SECRETS.items()})
        variables.update(_storage(settings.get("s3") or {}, settings.get("s3_wish") or {}, secrets))
        variables.update(_mail(settings.get("smtp") or {}, settings["domain"]))
        # One line per request and job is what `info` writes.
        variables["RAILS_LOG_LEVEL"] = "warn"
    variables.update(_extra(settings.get("extra") or {}, tree))
    return variables
