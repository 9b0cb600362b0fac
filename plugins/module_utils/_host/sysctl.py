# GPL-3.0-or-later (see LICENSE)
"""Kernel settings that are only ever raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def path_of(name: str) -> str:
    """The file below /proc/sys of a setting."""
    return "/proc/sys/" + name.replace(".", "/")


@dataclass(frozen=True)
class Raise:
    """One setting that is too low."""

    name: str
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __str__(self) -> str:
        return f"raise {self.name} from {text(self.before)} to {text(self.after)}"


def parse(value: str) -> tuple[int, ...]:
    """A setting's figures; some hold several (net.ipv4.ip_local_port_range)."""
    return tuple(int(part) for part in value.split())


def text(figures: tuple[int, ...]) -> str:
    """The form in which /proc/sys and sysctl.d take them."""
    return " ".join(str(figure) for figure in figures)


def raises(running: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> list[Raise]:
    """The settings below what is wanted, each figure at least what it was before."""
    found = []
    for name in sorted(wanted):
        before = running[name]
        after = tuple(max(pair) for pair in zip(before, wanted[name]))
        if after != before:
            found.append(Raise(name, before, after))
    return found


def lines(
    persisted: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], raised: list[Raise]
) -> dict[str, tuple[int, ...]]:
    """What our file in sysctl.d holds.

    A setting that is high enough without us (the kernel's default, the admin's file) gets no line: a line would lower
    it one day. A line of ours from an earlier run stays and never falls.
    """
    held = dict(persisted)
    for item in raised:
        held[item.name] = item.after
    for name in wanted.keys() & persisted.keys():
        held[name] = tuple(max(pair) for pair in zip(held[name], wanted[name]))
    return dict(sorted(held.items()))


def parse_file(content: str) -> dict[str, tuple[int, ...]]:
    """The settings in a sysctl.d file of ours."""
    pairs = (line.split("=", 1) for line in content.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): parse(value) for name, value in pairs}


def render(held: Mapping[str, tuple[int, ...]], header: str) -> str:
    """The file in sysctl.d."""
    return "\n".join([f"# {header}", *(f"{name} = {text(figures)}" for name, figures in held.items()), ""])
