# GPL-3.0-or-later (see LICENSE)
"""Same release, same schema, same secrets as a host that runs (wireguard-join c.10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .checks import Check, not_asked
from .environment import STORE

SCHEMA_FOLLOWS = ("postgres", "pgbouncer")


@dataclass(frozen=True)
class Release:
    """What is deployed. build: fingerprint of source and recipe, comparable within one architecture."""

    version: str
    build: str = ""
    architecture: str = ""
    sidekiq: str = ""

    def plain(self) -> dict[str, str]:
        """As it travels to another host."""
        return {
            "version": self.version,
            "build": self.build,
            "architecture": self.architecture,
            "sidekiq": self.sidekiq,
        }


def release_from(data: Mapping[str, Any]) -> Release:
    """The reverse of `Release.plain`."""
    return Release(*(str(data.get(name) or "") for name in ("version", "build", "architecture", "sidekiq")))


def judge(
    own: Release,
    reference: Release | None,
    reference_host: str,
    shipped: Collection[str],
    applied: Collection[str] | None,
) -> Check:
    """reference None: nobody runs to compare with. applied None: the database did not say its migrations."""
    known = f"{own.version}{f', Sidekiq {own.sidekiq}' if own.sidekiq else ''}"
    if reference is not None:
        told = _differs(own, reference, reference_host)
        if told:
            hint = f"Deploy the release that {reference_host} runs: run the role mastodon here with its version."
            return Check("version", False, told, reference.version, hint)
    if applied is None:
        return Check("version", None, f"{known}; its migrations were not compared: the database did not answer")
    pending, unknown = sorted(set(shipped) - set(applied)), sorted(set(applied) - set(shipped))
    if pending:
        return Check(
            "version",
            False,
            f"code is newer than the database ({_migrations(pending)} pending)",
            "0",
            "Migrate first (site.yml does), or deploy the release that the others run.",
        )
    if unknown:
        return Check(
            "version",
            False,
            f"database is newer than this code (it has {_migrations(unknown)} that {own.version} does not know)",
            "0",
            "Deploy the release that the others run.",
        )
    compared = f", as {reference_host}" if reference is not None else ""
    return Check("version", True, f"{known}{compared}, {len(set(shipped))} migrations")


def _migrations(versions: list[str]) -> str:
    return f"{len(versions)} migration{'s' if len(versions) > 1 else ''}"


def _differs(own: Release, reference: Release, host: str) -> str:
    if own.version != reference.version:
        return f"{own.version} is deployed, {host} runs {reference.version}"
    same_machine = own.architecture == reference.architecture and own.build and reference.build
    if same_machine and own.build != reference.build:
        return f"another build of {own.version} ({own.build[:12]}) than on {host} ({reference.build[:12]})"
    if own.sidekiq and reference.sidekiq and own.sidekiq != reference.sidekiq:
        return f"Sidekiq {own.sidekiq}, and {reference.sidekiq} on {host}"
    return ""


def secrets(
    own: Mapping[str, str], expected: Mapping[str, str] | None, reference_host: str, store: bool, env_file: str
) -> Check:
    """Fingerprints, by name. store: whether this host has object storage; without it, `media` says so."""
    if expected is None:
        return not_asked("secrets", "no running host to compare with")
    names = sorted({*own, *expected} - (set() if store else {STORE}))
    differing = [name for name in names if own.get(name) != expected.get(name)]
    if not differing:
        return Check("secrets", True, f"{len(names)} equal to those of {reference_host}")
    told = [_difference(name, own, expected, reference_host) for name in differing]
    return Check(
        "secrets",
        False,
        "; ".join(told),
        "",
        f"Write {env_file} from the same mastodon_secrets (role mastodon); copy no secret by hand.",
    )


def _difference(name: str, own: Mapping[str, str], expected: Mapping[str, str], host: str) -> str:
    if name not in own:
        return f"{name} is missing here, {host} has it"
    seen = f"{name} differs from {host}" if name in expected else f"{name} is set here and not on {host}"
    if name.startswith("ACTIVE_RECORD_ENCRYPTION"):
        return f"{seen}: jobs would fail to decrypt"
    if name == STORE:
        return f"{seen}: media would go to another bucket"
    if name.endswith("_DOMAIN"):
        return f"{seen}: jobs would sign as another server"
    return seen
