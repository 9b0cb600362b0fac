# GPL-3.0-or-later (see LICENSE)
"""What to say about a host's clock."""

from __future__ import annotations

DAEMONS = ("chrony", "systemd-timesyncd", "ntpsec", "ntp", "openntpd")


def note(daemon: str, container: bool, synchronised: bool) -> list[str]:
    """A sentence for the admin, or nothing when all is well."""
    if synchronised:
        return []
    if container:
        return ["The clock is not synchronised and this is a container: look after the clock of its host."]
    if daemon:
        return [f"The clock is not synchronised yet although {daemon} runs: can it reach its time servers?"]
    return []
