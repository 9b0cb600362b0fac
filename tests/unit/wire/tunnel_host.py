"""A host for the module wireguard_mesh: a kernel that obeys `wg` and `ip`, a systemd, and peers that answer or not."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.steps import Step
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.x25519 import public_key
from wire_cases import Kernel

Answer = tuple[int, str, str]
READS = (("ip", "-j"), ("wg", "show"), ("systemctl", "show"), ("journalctl",))


@dataclass
class TunnelHost:
    """What the module's commands meet. reach: {address: largest packet that comes back}."""

    conf: Path
    key_file: Path
    now: int
    kernel: Kernel | None = None
    active: bool = False
    enabled: bool = False
    # Units other than the tunnel's own that are enabled and run.
    others: set[str] = field(default_factory=set)
    kind: str = "tun"
    outer_mtu: int = 1500
    foreign_routes: list[dict[str, Any]] = field(default_factory=list)
    reach: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    told: list[tuple[str, ...]] = field(default_factory=list)
    # The command that is refused, by its beginning, and what it says.
    broken: dict[tuple[str, ...], str] = field(default_factory=dict)
    dead_on_start: bool = False
    # systemd has not read the unit's drop-in yet.
    stale: bool = False
    # {public key: seconds since the epoch}; None: whoever answers has shaken hands 10 s ago.
    handshakes: dict[str, int] | None = None

    def run_command(self, _module: Any, args: Sequence[str], **options: Any) -> Answer:
        """In place of AnsibleModule.run_command."""
        argv = tuple(args)
        self.told.append(argv)
        for beginning, text in self.broken.items():
            if argv[: len(beginning)] == beginning:
                return 1, "", text
        if not any(argv[: len(read)] == read for read in READS):
            self.calls.append(argv)
            return self._change(argv, options.get("data"))
        return self._read(argv)

    def _read(self, argv: tuple[str, ...]) -> Answer:
        if argv[0] == "journalctl":
            return 0, "the end of the journal\n", ""
        if argv[0] == "systemctl":
            own = argv[-1].startswith("wg-quick@")
            state = "active" if (self.active if own else argv[-1] in self.others) else "inactive"
            enabled = "enabled" if (self.enabled if own else argv[-1] in self.others) else "disabled"
            stale = "yes" if self.stale else "no"
            return 0, f"ActiveState={state}\nUnitFileState={enabled}\nNeedDaemonReload={stale}\n", ""
        if argv[0] == "wg" and self.kernel is None:
            return 1, "", "Unable to access interface: No such device"
        if argv[0] == "wg" and argv[-1] == "public-key":
            return 0, f"{self.kernel.key if self.kernel else ''}\n", ""
        if argv[0] == "wg" and argv[-1] == "latest-handshakes":
            assert self.kernel and self.handshakes is not None
            return 0, "".join(f"{name}\t{self.handshakes.get(name, 0)}\n" for name in self.kernel.peers), ""
        if argv[0] == "wg":
            return 0, self._dump(), ""
        if "get" in argv:
            inner = ipaddress.ip_address(argv[-1]) in ipaddress.ip_network("10.66.0.0/24")
            return 0, json.dumps([{"dst": argv[-1], "dev": "wg0" if inner and self.kernel else "eth0"}]), ""
        if "address" in argv:
            assert self.kernel
            rows = [text.split("/") for text in self.kernel.addresses]
            info = [{"local": one, "prefixlen": int(size), "scope": "global"} for one, size in rows]
            return 0, json.dumps([{"addr_info": info}]), ""
        if "link" in argv:
            return self._link(argv[-1])
        return 0, json.dumps(self.foreign_routes + self._routes()) if "-4" in argv else "", ""

    def _link(self, device: str) -> Answer:
        if device == "wg0" and self.kernel is None:
            return 1, "", 'Device "wg0" does not exist.'
        mtu = self.kernel.mtu if device == "wg0" and self.kernel else self.outer_mtu
        flags = ["UP"] if device != "wg0" or (self.kernel and self.kernel.up) else []
        return 0, json.dumps([{"flags": flags, "mtu": mtu, "linkinfo": {"info_kind": self.kind}}]), ""

    def _routes(self) -> list[dict[str, Any]]:
        if self.kernel is None:
            return []
        return [{"dst": text, "dev": "wg0", "protocol": "static"} for text in sorted(self.kernel.routes)]

    def _dump(self) -> str:
        assert self.kernel
        lines = ["\t".join(["PRIVATE", self.kernel.key, str(self.kernel.port), "off"])]
        for name, one in self.kernel.peers.items():
            fresh = any(text.split("/")[0] in self.reach for text in one["allowed"])
            psk = one["psk"].reveal() if one["psk"] else "(none)"
            allowed = ",".join(sorted(one["allowed"])) or "(none)"
            handshake = str(self.now - 10 if fresh else 0)
            if self.handshakes is not None:
                handshake = str(self.handshakes.get(name, 0))
            keepalive = str(one["keepalive"] or "off")
            lines.append(
                "\t".join([name, psk, one["endpoint"] or "(none)", allowed, handshake, "148", "92", keepalive])
            )
        return "\n".join(lines) + "\n"

    def _change(self, argv: tuple[str, ...], data: str | None) -> Answer:
        if argv[0] == "systemctl":
            self._unit(argv[1:])
        elif argv[:3] == ("ip", "link", "delete"):
            self.kernel = None
        else:
            assert self.kernel, argv
            if "private-key" in argv:
                path = argv[argv.index("private-key") + 1]
                self.kernel.key_of_file = {path: public_key(Secret(Path(path).read_text().strip()))}
            self.kernel.run(Step(argv, "", Secret(data) if data is not None else None))
        return 0, "", ""

    def _unit(self, words: tuple[str, ...]) -> None:
        if words[:2] == ("enable", "--now"):
            self.others.add(words[2])
            return
        if words[0] == "daemon-reload":
            self.stale = False
        if words[0] in ("enable", "disable"):
            self.enabled = words[0] == "enable"
        if words[0] in ("start", "restart"):
            self.active = True
            self.kernel = None if self.dead_on_start else self._up()
        if "--now" in words:
            self.active, self.kernel = False, None

    def _up(self) -> Kernel:
        """What wg-quick makes of the file."""
        file = parse(self.conf.read_text())
        assert file.private_key
        own = [ipaddress.ip_interface(text).network for text in file.addresses]
        kernel = Kernel(key=public_key(file.private_key), port=file.port, mtu=file.mtu, addresses=list(file.addresses))
        for one in file.peers:
            kernel.peers[one.public_key] = {
                "allowed": set(one.allowed),
                "endpoint": one.endpoint,
                "keepalive": one.keepalive,
                "psk": one.preshared,
            }
            outside = [
                text for text in one.allowed if not any(ipaddress.ip_network(text).subnet_of(net) for net in own)
            ]
            kernel.routes |= set(outside)
        return kernel

    def ping(self, targets: Sequence[str], size: int, _timeout: float) -> Mapping[str, float]:
        """In place of the probe."""
        mtu = self.kernel.mtu if self.kernel else 0
        return {text: 1.5 for text in targets if text in self.reach and size <= min(mtu, self.reach[text])}
