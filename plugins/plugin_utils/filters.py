# Copyright (c) 2026 The fediverse.mastodon contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every filter needs around its pure function: plain values in, its refusal out as Ansible's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def plain(value: Any) -> Any:
    """Without Ansible's tags and lazy containers, which neither pickle nor YAML can take."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(value[key]) for key in value}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def told(function: Callable[..., Any], refusal: type[Exception]) -> Callable[..., Any]:
    """A filter: calls the function with plain values; what it refuses becomes the task's message."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*[plain(item) for item in args], **{key: plain(item) for key, item in kwargs.items()})
        except refusal as error:
            raise AnsibleFilterError(str(error)) from error

    return call
