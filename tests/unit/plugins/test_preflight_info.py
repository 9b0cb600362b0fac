"""What the module reads, against recorded files and against this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.fediverse.mastodon.plugins.modules import preflight_info

DEBIAN_13 = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n'
UBUNTU_2404 = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n'
MEMINFO = "MemTotal:        8134656 kB\nMemFree:          123456 kB\n"


@pytest.mark.parametrize(
    ("text", "system"),
    [
        (DEBIAN_13, {"id": "debian", "version": "13", "name": "Debian GNU/Linux 13 (trixie)"}),
        (UBUNTU_2404, {"id": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04.1 LTS"}),
        ("", {"id": "", "version": "", "name": ""}),
    ],
)
def test_operating_system(text: str, system: dict[str, str]) -> None:
    assert preflight_info.os_release(text) == system


@pytest.mark.parametrize(
    ("machine", "wide", "name"),
    [
        ("x86_64", True, "amd64"),
        ("aarch64", True, "arm64"),
        ("aarch64", False, "armhf"),
        ("armv7l", False, "armhf"),
        ("riscv64", True, "riscv64"),
    ],
)
def test_architecture_is_that_of_the_programs(machine: str, wide: bool, name: str) -> None:
    assert preflight_info.architecture(machine, wide) == name


def test_memory() -> None:
    assert preflight_info.memory_mb(MEMINFO) == 7944
    assert preflight_info.memory_mb("") == 0


def test_a_directory_that_does_not_exist_yet_counts_as_its_parent(tmp_path: Path) -> None:
    there = preflight_info.disk(str(tmp_path))
    missing = preflight_info.disk(str(tmp_path / "not" / "yet"))
    assert missing["mount"] == there["mount"] and missing["size_mb"] == there["size_mb"] > 0


@pytest.mark.parametrize(("content", "spins"), [("1\n", True), ("0\n", False), (None, None)])
def test_a_partition_asks_its_disk(tmp_path: Path, content: str | None, spins: bool | None) -> None:
    partition = tmp_path / "sda" / "sda1"
    partition.mkdir(parents=True)
    if content is not None:
        (tmp_path / "sda" / "queue").mkdir()
        (tmp_path / "sda" / "queue" / "rotational").write_text(content)
    link = tmp_path / "8:1"
    link.symlink_to(partition)
    device = preflight_info.block_device(str(link))
    assert preflight_info.rotational(device) is spins
    assert preflight_info.backing(device) == ("" if content is None else "sda")


def test_a_logical_volume_is_named_after_what_it_lies_on(tmp_path: Path) -> None:
    volume = tmp_path / "dm-0"
    (volume / "queue").mkdir(parents=True)
    (volume / "slaves" / "nvme0n1p3").mkdir(parents=True)
    assert preflight_info.backing(preflight_info.block_device(str(volume))) == "nvme0n1p3"


def test_no_loopback_among_the_addresses() -> None:
    found = preflight_info.addresses()
    assert "lo" not in found and not any(address.startswith("127.") for address in found.values())
