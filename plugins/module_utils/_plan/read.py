# GPL-3.0-or-later (see LICENSE)
"""Reads single values of an inventory: type, range, and a finding that says what to write instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .problems import Problems, did_you_mean

DOMAIN = re.compile(r"^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
MAIL = re.compile(r"^[^@\s<>\"']+@([^@\s<>\"']+)$")
CHECKSUM = re.compile(r"^sha256:[0-9a-f]{64}$")
UNSET = object()


def shown(value: Any) -> str:
    """A value in a message: quoted, and not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def is_domain(text: str) -> bool:
    """A bare lower-case host name with at least one dot, not an address."""
    return bool(DOMAIN.match(text)) and not text.rsplit(".", 1)[-1].isdigit()


@dataclass
class Reader:
    """Reads settings of one place (a host, or all hosts for a cluster setting) and notes what is wrong."""

    problems: Problems
    where: tuple[str, ...]

    def bad(self, setting: str, message: str, fix: str) -> None:
        """Note a finding here."""
        self.problems.add(self.where, setting, message, fix)

    def integer(self, setting: str, value: Any, default: int, lowest: int, highest: int) -> int:
        """A whole number in a range. Text of digits counts: INI inventories and -e know nothing else."""
        return default if value is UNSET else self._whole(setting, value, default, lowest, highest, str(default))

    def required_integer(self, setting: str, value: Any, stand_in: int, lowest: int, highest: int) -> int:
        """A whole number that has no default; stand_in takes its place after a finding, so that reading goes on."""
        return self._whole(setting, value, stand_in, lowest, highest, "")

    def _whole(self, setting: str, value: Any, otherwise: int, lowest: int, highest: int, default: str) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.bad(setting, f"{shown(value)} is not a whole number", f"write a number from {lowest} to {highest}")
            return otherwise
        if not lowest <= value <= highest:
            note = f" (default {default})" if default else ""
            self.bad(setting, f"{value} is out of range", f"write a number from {lowest} to {highest}{note}")
            return otherwise
        return value

    def number(self, setting: str, value: Any, default: float, lowest: float, highest: float) -> float:
        """A number in a range, with or without decimals."""
        if value is UNSET:
            return default
        try:
            found = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
        except ValueError:
            found = None
        if found is None or not lowest <= found <= highest:
            self.bad(
                setting,
                f"{shown(value)} is {'out of range' if found is not None else 'not a number'}",
                f"write a number from {lowest:g} to {highest:g} (default {default:g})",
            )
            return default
        return found

    def text(self, setting: str, value: Any, default: str = "") -> str:
        """Non-empty text."""
        if value is UNSET:
            return default
        if not isinstance(value, str) or not value.strip():
            self.bad(setting, f"{shown(value)} is not text", "write a non-empty text, or leave the setting out")
            return default
        return value

    def choice(self, setting: str, value: Any, default: str, options: Iterable[str]) -> str:
        """One of a few words."""
        known = list(options)
        if value is UNSET:
            return default
        if value not in known:
            fix = did_you_mean(str(value), known, f"write one of {', '.join(known)}")
            self.bad(setting, f"{shown(value)} is none of {', '.join(known)}", fix)
            return default
        return str(value)

    def flag(self, setting: str, value: Any, default: bool = False) -> bool:
        """A real boolean."""
        if value is UNSET:
            return default
        if not isinstance(value, bool):
            self.bad(setting, f"{shown(value)} is neither true nor false", "write true or false without quotes")
            return default
        return value

    def mapping(self, setting: str, value: Any, known: Iterable[str]) -> Mapping[str, Any]:
        """A dictionary with known keys only."""
        if value is UNSET:
            return {}
        if not isinstance(value, Mapping):
            self.bad(setting, f"{shown(value)} is not a dictionary", f"write keys: {', '.join(known)}")
            return {}
        for key in value:
            self.key(setting, str(key), known)
        return value

    def key(self, setting: str, key: str, known: Iterable[str]) -> None:
        """One key of a dictionary."""
        words = list(known)
        if key not in words:
            fix = did_you_mean(key, words, f"remove it; known are {', '.join(words)}")
            self.bad(f"{setting}.{key}", "there is no such key", fix)

    def domain(self, setting: str, value: Any, default: str = "") -> str:
        """A bare domain name. A default is derived from a name that was checked already."""
        if value is UNSET:
            return default
        text = self.text(setting, value, default)
        if text and not is_domain(text):
            self.bad(
                setting,
                f"{shown(text)} is not a domain name",
                "write the bare lower-case name, without scheme, port or path, such as social.example.org"
                " (names with other letters as punycode, xn--…)",
            )
        return text

    def mail(self, setting: str, value: Any) -> str:
        """A mail address."""
        text = self.text(setting, value)
        match = MAIL.match(text)
        if text and not (match and is_domain(match.group(1).lower())):
            self.bad(setting, f"{shown(text)} is not a mail address", "write one such as admin@example.org")
        return text

    def address(self, setting: str, value: Any) -> str:
        """One IP address, without prefix length; as Python writes it."""
        if value is UNSET:
            return ""
        try:
            address = ipaddress.ip_address(str(value))
        except ValueError:
            self.bad(
                setting,
                f"{shown(value)} is not an IP address",
                "write the host's address in the cluster's network, without a prefix length, such as 10.40.0.11",
            )
            return ""
        if address.is_unspecified or address.is_multicast:
            self.bad(setting, f"{address} is no address of a host", "write the one in the cluster's network")
            return ""
        return str(address)

    def checksum(self, setting: str, value: Any) -> None:
        """A SHA-256 in Ansible's spelling."""
        if value is UNSET or not CHECKSUM.match(str(value)):
            what = "is missing" if value is UNSET else f"{shown(value)} is not one"
            self.bad(setting, f"the checksum {what}", "write sha256: and the 64 digits that `sha256sum FILE` prints")
