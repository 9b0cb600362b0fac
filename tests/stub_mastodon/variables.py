"""What an inventory has to say so that the roles deploy the stand-in like any Mastodon."""

from __future__ import annotations

from typing import Any

from .pack import Archive

# Run-time packages of the application hosts. Ruby hosts and streaming hosts get the same list: an app host may be both.
PACKAGES = [
    "bundler",
    "node-pg",
    "node-ws",
    "nodejs",
    "puma",
    "ruby",
    "ruby-actionmailer",
    "ruby-actionpack",
    "ruby-activejob",
    "ruby-activerecord",
    "ruby-aws-sdk-s3",
    "ruby-connection-pool",
    "ruby-dotenv",
    "ruby-marcel",
    "ruby-pg",
    "ruby-railties",
    "ruby-redis",
    "ruby-sidekiq",
    "ruby-thor",
]


def variables(version: str, archive: Archive) -> dict[str, Any]:
    """`{gateway}` is replaced by the lab: there the tests listen as the outside world."""
    return {
        "mastodon_version": version,
        "mastodon_source": {"archive": str(archive.path), "checksum": archive.checksum},
        "mastodon_extra_packages": PACKAGES,
        # Gems come from Debian's packages. The archive's .bundle/config says so at run time as well.
        "mastodon_build_environment": {"BUNDLE_PATH__SYSTEM": "true"},
        "mastodon_environment": {"ALLOWED_PRIVATE_ADDRESSES": "{gateway}"},
        "mastodon_smtp": {"server": "{gateway}", "port": 2525, "auth_method": "none"},
        "mastodon_tls": "test_ca",
    }
