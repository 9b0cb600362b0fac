#!/usr/bin/python
# GPL-3.0-or-later (see LICENSE)
"""What a host is, read without changing anything."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import struct
import sys
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

try:
    import fcntl
except ImportError:  # sanity checks import modules where there is none
    fcntl = None  # type: ignore[assignment]

DOCUMENTATION = r"""
module: preflight_info
author: The fediverse.mastodon contributors
short_description: Read what a host is before anything is changed there
version_added: 0.1.0
description:
  - Reads operating system, architecture, cores, memory, free space, addresses and clock.
  - Changes nothing and needs no privileges.
  - A host that does not answer, or has no Python, is a result and not a failure, so that all can be told at once.
  - The role P(fediverse.mastodon.preflight#role) judges them against the plan, the playbook C(survey.yml) prints them.
options:
  paths:
    description: Directories whose free space counts. One that does not exist yet counts as its nearest parent.
    type: list
    elements: path
    default: [/opt, /var]
attributes:
  check_mode:
    description: Can run in check mode and changes nothing.
    support: full
  diff_mode:
    description: Shows differences.
    support: none
  idempotent:
    description: A second run changes nothing.
    support: full
  platform:
    description: Hosts it runs on.
    platforms: posix
    support: full
"""

EXAMPLES = r"""
- name: Read the host
  fediverse.mastodon.preflight_info:
    paths: [/opt, /var/lib/postgresql]
  register: __host
"""

RETURN = r"""
report:
  description: What was read.
  returned: when the host answered
  type: dict
  sample:
    os: {id: debian, version: "13", name: Debian GNU/Linux 13 (trixie)}
    architecture: amd64
    cores: 4
    memory_mb: 7944
    container: false
    deployed: true
    epoch: 1790000000.25
    addresses: {eth0: 192.0.2.11, eth1: 10.40.0.11}
    virtual: true
    disks: [{path: /opt, mount: /, free_mb: 30720, size_mb: 40960, rotational: false, device: sda}]
asked_at:
  description: The controller's clock before, in seconds.
  returned: when the host answered
  type: float
  sample: 1790000000.0
answered_at:
  description: The controller's clock after.
  returned: when the host answered
  type: float
  sample: 1790000000.5
unreachable_reason:
  description: Why there was no connection.
  returned: when there was none
  type: str
  sample: "Failed to connect to the host via ssh: No route to host"
failure_reason:
  description: Why the host could not be read.
  returned: when it could not
  type: str
  sample: The module interpreter '/usr/bin/python3' was not found.
"""

# Debian's names, by the kernel's. A Raspberry Pi may have a 64-bit kernel below a 32-bit system.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NARROW = {"x86_64": "i386", "i686": "i386", "aarch64": "armhf", "armv7l": "armhf", "armv6l": "armhf"}
SIOCGIFADDR = 0x8915
DEPLOYED = "/var/lib/mastodon-units"  # the role common makes it


def os_release(text: str) -> dict[str, str]:
    """The three lines of /etc/os-release that matter."""
    values = {}
    for line in text.splitlines():
        key, found, value = line.partition("=")
        if found:
            values[key.strip()] = value.strip().strip("\"'")
    return {"id": values.get("ID", ""), "version": values.get("VERSION_ID", ""), "name": values.get("PRETTY_NAME", "")}


def memory_mb(text: str) -> int:
    """MemTotal of /proc/meminfo."""
    for line in text.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def read(path: str) -> str:
    """A small file, or nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def addresses() -> dict[str, str]:
    """First IPv4 address of each interface but loopback."""
    found: dict[str, str] = {}
    if fcntl is None:
        return found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # an interface without an address
                found[name] = socket.inet_ntoa(fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)[20:24])
    return {name: address for name, address in sorted(found.items()) if not address.startswith("127.")}


def disk(path: str) -> dict[str, Any]:
    """Free space where a directory is or will be."""
    there = os.path.abspath(path)
    while not os.path.exists(there):
        there = os.path.dirname(there)
    mount = there
    while not os.path.ismount(mount):
        mount = os.path.dirname(mount)
    usage = os.statvfs(there)
    unit = usage.f_frsize
    number = os.stat(there).st_dev
    device = block_device(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return {
        "path": path,
        "mount": mount,
        "free_mb": usage.f_bavail * unit // 2**20,
        "size_mb": usage.f_blocks * unit // 2**20,
        "rotational": rotational(device),
        "device": backing(device),
    }


def block_device(link: str) -> str:
    """Where the kernel tells of a whole device; a partition's is its parent. Empty where nobody knows."""
    there = os.path.realpath(link)
    for folder in (there, os.path.dirname(there)):
        if os.path.isdir(os.path.join(folder, "queue")):
            return folder
    return ""


def rotational(device: str) -> bool | None:
    """Whether the device spins, None where nobody knows."""
    flag = read(os.path.join(device, "queue", "rotational")).strip()
    return flag == "1" if flag else None


def backing(device: str) -> str:
    """Its name; of a logical volume or an array, the name of the first device below."""
    with contextlib.suppress(OSError):
        below = sorted(os.listdir(os.path.join(device, "slaves")))
        if below:
            return below[0]
    return os.path.basename(device)


def is_virtual() -> bool:
    """Whether a hypervisor runs the machine, as far as processor or firmware say so."""
    return " hypervisor" in read("/proc/cpuinfo") or "QEMU" in read("/sys/class/dmi/id/sys_vendor")


def architecture(machine: str, wide: bool) -> str:
    """Debian's name of what programs are built for. wide: whether they, such as this Python, have 64 bits."""
    return (ARCHITECTURES if wide else NARROW).get(machine, machine)


def report(paths: list[str]) -> dict[str, Any]:
    """Everything at once."""
    return {
        "os": os_release(read("/etc/os-release")),
        "architecture": architecture(platform.machine(), sys.maxsize > 2**32),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": memory_mb(read("/proc/meminfo")),
        "container": os.path.exists("/run/systemd/container") or os.path.exists("/.dockerenv"),
        "virtual": is_virtual(),
        "addresses": addresses(),
        "disks": [disk(path) for path in paths],
        "deployed": os.path.isdir(DEPLOYED),
        "epoch": time.time(),
    }


def main() -> None:
    """Read and return."""
    module = AnsibleModule(
        argument_spec={"paths": {"type": "list", "elements": "path", "default": ["/opt", "/var"]}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, report=report(module.params["paths"]))


if __name__ == "__main__":
    main()
