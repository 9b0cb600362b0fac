"""Hosts made of namespaces: each has its own network, its own /etc/wireguard and /run, and a systemctl for one unit.

No container, no image: what is measured is WireGuard and our modules. Needs root, wireguard-tools, wireguard-go where
the kernel has no WireGuard, and iptables for a host behind NAT.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What wireguard_mesh asks of systemd, for the one unit that there is.
SYSTEMCTL = """\
#!/bin/bash
up() { ip link show dev wg0 >/dev/null 2>&1; }
case "$1" in
  show)
    up && echo ActiveState=active || echo ActiveState=inactive
    [ -e /run/enabled ] && echo UnitFileState=enabled || true ;;
  start) up || wg-quick up wg0 >/run/wg-quick.log 2>&1 ;;
  restart) wg-quick down wg0 >/dev/null 2>&1; wg-quick up wg0 >/run/wg-quick.log 2>&1 ;;
  enable) touch /run/enabled ;;
esac
"""
RUNNER = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils.testing import patch_module_args
module = importlib.import_module(f"ansible_collections.fediverse.mastodon.plugins.modules.{sys.argv[2]}")
with patch_module_args(json.load(sys.stdin)):
    module.main()
"""


class Host:
    """One namespace, alive as long as its first process."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.etc = directory / name
        self.etc.mkdir()
        tools = directory / "bin"
        machine = directory / f"{name}.machine-id"
        machine.write_text(f"{hashlib.md5(name.encode()).hexdigest()}\n")
        script = "; ".join(
            [
                "mount --make-rprivate /",
                "mount -t tmpfs run /run",
                "mkdir -p /etc/wireguard",
                f"mount --bind {self.etc} /etc/wireguard",
                f"mount --bind {machine} /etc/machine-id",
                "ip link set lo up",
                "echo ready",
                "exec sleep infinity",
            ]
        )
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--uts", "bash", "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout and self._process.stdout.readline() == "ready\n", f"{name} does not come up"
        self.pid = self._process.pid
        self._environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        self._environment.pop("WG_QUICK_USERSPACE_IMPLEMENTATION", None)

    def argv(self, command: Sequence[str]) -> list[str]:
        """The same command, inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "--", *command]

    def run(self, *command: str) -> str:
        """What a command prints. CalledProcessError when it fails."""
        done = subprocess.run(
            self.argv(command), capture_output=True, text=True, env=self._environment, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            self.argv(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment
        )

    def start(self, module: str, arguments: dict[str, Any]) -> subprocess.Popen[str]:
        """One of our modules, going on."""
        process = self.begin(sys.executable, "-c", RUNNER, str(ROOT / ".collections"), module)
        assert process.stdin
        process.stdin.write(json.dumps(arguments))
        process.stdin.close()
        process.stdin = None
        return process

    def call(self, module: str, **arguments: Any) -> dict[str, Any]:
        """One of our modules. RuntimeError when it fails."""
        return self.answer(self.start(module, arguments))

    def answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """The module's answer. RuntimeError when it failed."""
        text = process.communicate(timeout=300)[0]
        found: dict[str, Any] = json.loads(text[text.index("{") :])
        if found.get("failed"):
            raise RuntimeError(f"{self.name}: {found['msg']}")
        return found

    def close(self) -> None:
        """Everything inside ends; the kernel takes the namespace away."""
        inode = os.stat(f"/proc/{self.pid}/ns/net").st_ino
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino == inode:
                    os.kill(int(entry), 9)
            except OSError:
                # It has ended meanwhile, or is none of ours.
                continue
        self._process.wait()
        shutil.rmtree(self.etc)


class Internet:
    """A switch that hosts are plugged into; the address of a host is 198.18.0.N, a gateway's LAN is 192.168.N.0/24."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tunnel-benchmark-"))
        tools = self.directory / "bin"
        tools.mkdir()
        (tools / "systemctl").write_text(SYSTEMCTL)
        (tools / "systemctl").chmod(0o755)
        self.hosts: dict[str, Host] = {}
        self.switch = self._made("switch")
        self.switch.run("ip", "link", "add", "br0", "type", "bridge")
        self.switch.run("ip", "link", "set", "br0", "up")

    def __enter__(self) -> Internet:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.hosts.values():
            one.close()
        shutil.rmtree(self.directory)

    def _made(self, name: str) -> Host:
        self.hosts[name] = Host(name, self.directory)
        return self.hosts[name]

    def _plug(self, one: Host, device: str, other: Host, port: str) -> None:
        one.run("ip", "link", "add", device, "type", "veth", "peer", "name", port, "netns", str(other.pid))
        other.run("ip", "link", "set", port, "up")
        one.run("ip", "link", "set", device, "up")

    def host(self, name: str, number: int, nat: bool = False) -> Host:
        """A host at 198.18.0.number, or behind a gateway that has this address."""
        one = self._made(name)
        outside = self._made(f"{name}-gw") if nat else one
        self._plug(outside, "eth0", self.switch, f"p{number}")
        self.switch.run("ip", "link", "set", f"p{number}", "master", "br0")
        outside.run("ip", "address", "add", f"198.18.0.{number}/24", "dev", "eth0")
        if nat:
            self._plug(one, "eth0", outside, "lan0")
            outside.run("ip", "address", "add", f"192.168.{number}.1/24", "dev", "lan0")
            one.run("ip", "address", "add", f"192.168.{number}.2/24", "dev", "eth0")
            one.run("ip", "route", "add", "default", "via", f"192.168.{number}.1")
            outside.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            outside.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE")
        return one
