# GPL-3.0-or-later (see LICENSE)
"""A wg-quick file, ours or foreign: text to what it says, and back. Round trip: parse(render(file)) == file."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from . import addresses
from .model import FOREIGN, MANAGED, NEXT, UNMANAGED, Secret

MARKER = "# Managed by fediverse.mastodon: what is changed by hand here is changed back at the next run."
HOOKS = ("PreUp", "PostUp", "PreDown", "PostDown")
_KINDS = {"managed": MANAGED, "next": NEXT, "unmanaged": UNMANAGED}
_PROPER = {name.lower(): name for name in (*HOOKS, "DNS", "Table", "SaveConfig", "FwMark")}
_COMMENT = re.compile(r"^#\s*([A-Za-z-]+)\s*[:=]\s*(\S.*)$")


class Block(NamedTuple):
    """One [Peer]. name: from our comment, or from `# Name = host` as other roles write it."""

    public_key: str
    allowed: tuple[str, ...] = ()
    endpoint: str = ""
    keepalive: int = 0
    preshared: Secret | None = None
    name: str = ""
    kind: str = FOREIGN
    endpoint_name: str = ""


@dataclass(frozen=True)
class WgFile:
    """A whole file. ours: it begins with our marker. hooks: PostUp and the like, DNS, Table …, in the file's order."""

    ours: bool = False
    host: str = ""
    addresses: tuple[str, ...] = ()
    private_key: Secret | None = None
    port: int = 0
    mtu: int = 0
    peers: tuple[Block, ...] = ()
    hooks: tuple[tuple[str, str], ...] = ()
    # Lines that say nothing to wg or wg-quick, and keys nobody knows. Never with their values: one may be a key.
    unknown: tuple[str, ...] = field(default=(), compare=False)

    def lost(self) -> tuple[str, ...]:
        """Settings of a foreign file that our file will not have: what taking it over would lose."""
        return tuple(dict.fromkeys((*(key for key, _ in self.hooks), *self.unknown)))

    def peer(self, key: str) -> Block | None:
        """The block of a public key."""
        return next((one for one in self.peers if one.public_key == key), None)


def parse(text: str) -> WgFile:
    """Read a file as wg and wg-quick do: any case of keys, `#` ends a line, several AllowedIPs or Address lines add up.

    Never fails: what is not understood is in `unknown`, by the name of its key.
    """
    interface: dict[str, str] = {}
    own: list[str] = []
    hooks: list[tuple[str, str]] = []
    blocks: list[dict[str, str]] = []
    unknown: list[str] = []
    host, section = "", ""
    for raw in text.splitlines():
        line = raw.strip()
        comment = _COMMENT.match(line)
        if comment:
            word, value = comment[1].lower(), comment[2].strip()
            if section == "peer" and blocks:
                _note(blocks[-1], word, value)
            elif word == "host":
                host = value
            continue
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        if line.startswith("["):
            section = line.strip("[]").strip().lower()
            if section == "peer":
                blocks.append({})
            continue
        key, separator, value = (part.strip() for part in line.partition("="))
        word = key.lower()
        if not separator:
            unknown.append(f"a line without = in [{section}]")
        elif section == "peer" and blocks and word in _PEER:
            known = blocks[-1].get(word)
            blocks[-1][word] = f"{known},{value}" if known and word == "allowedips" else value
        elif section == "interface" and word == "address":
            own += [part.strip() for part in value.split(",") if part.strip()]
        elif section == "interface" and word in ("privatekey", "listenport", "mtu"):
            interface[word] = value
        elif section == "interface" and word in _PROPER:
            hooks.append((_PROPER[word], value))
        else:
            unknown.append(key)
    key_text = interface.get("privatekey", "")
    return WgFile(
        ours=text.startswith(MARKER),
        host=host,
        addresses=tuple(own),
        private_key=Secret(key_text) if key_text else None,
        port=_number(interface.get("listenport", "")),
        mtu=_number(interface.get("mtu", "")),
        peers=tuple(_block(one) for one in blocks),
        hooks=tuple(hooks),
        unknown=tuple(unknown),
    )


def render(file: WgFile, private_key: str = "", preshared: dict[str, str] | None = None) -> str:
    """The file's text. private_key and preshared ({public key: text}) stand in for the real ones, for a diff."""
    lines = [MARKER] if file.ours else []
    if file.host:
        lines.append(f"# host: {file.host}")
    lines.append("[Interface]")
    lines += [f"Address = {text}" for text in file.addresses]
    # Port and key are inline: `systemctl reload wg-quick@` is syncconf, which takes a new port and no key without them.
    if file.port:
        lines.append(f"ListenPort = {file.port}")
    if file.private_key is not None or private_key:
        lines.append(f"PrivateKey = {private_key or (file.private_key.reveal() if file.private_key else '')}")
    if file.mtu:
        lines.append(f"MTU = {file.mtu}")
    lines += [f"{key} = {value}" for key, value in file.hooks]
    for one in file.peers:
        lines += ["", "[Peer]"]
        if one.name:
            lines.append(f"# {one.kind}: {one.name}" if one.kind != FOREIGN else f"# Name = {one.name}")
        if one.endpoint_name:
            lines.append(f"# endpoint-name: {one.endpoint_name}")
        lines.append(f"PublicKey = {one.public_key}")
        shown = (preshared or {}).get(one.public_key, "")
        if shown or one.preshared is not None:
            lines.append(f"PresharedKey = {shown or (one.preshared.reveal() if one.preshared else '')}")
        if one.allowed:
            lines.append(f"AllowedIPs = {', '.join(one.allowed)}")
        if one.endpoint:
            lines.append(f"Endpoint = {one.endpoint}")
        if one.keepalive:
            lines.append(f"PersistentKeepalive = {one.keepalive}")
    return "\n".join(lines) + "\n"


def masked(before: WgFile | None, after: WgFile | None) -> tuple[str, str]:
    """Both texts for a diff, without a secret: a key says whether it is unchanged, new, set or cleared.

    None: there is no such file. Both sides can be shown and logged.
    """
    return _mask(before, after, "old"), _mask(after, before, "new")


def _mask(file: WgFile | None, other: WgFile | None, changed: str) -> str:
    if file is None:
        return ""
    same = other is not None and other.private_key == file.private_key
    private = f"(hidden, {'unchanged' if same else changed})" if file.private_key is not None else ""
    shown = {}
    for one in file.peers:
        if one.preshared is not None:
            there = other.peer(one.public_key) if other else None
            same = there is not None and there.preshared == one.preshared
            shown[one.public_key] = f"(hidden, {'unchanged' if same else changed})"
    # A hook of a foreign file can hold anything, `wg set … private-key <(echo …)` included.
    hooks = tuple((key, "(hidden)" if key in HOOKS else value) for key, value in file.hooks)
    return render(replace(file, hooks=hooks), private, shown)


_PEER = ("publickey", "presharedkey", "allowedips", "endpoint", "persistentkeepalive")


def _note(block: dict[str, str], word: str, value: str) -> None:
    """A comment inside a [Peer] that says something."""
    if word in _KINDS:
        block["kind"], block["name"] = _KINDS[word], value
    elif word == "name":
        block.setdefault("name", value)
    elif word == "endpoint-name":
        block["endpoint-name"] = value


def _block(raw: dict[str, str]) -> Block:
    keepalive = raw.get("persistentkeepalive", "")
    preshared = raw.get("presharedkey", "")
    return Block(
        public_key=raw.get("publickey", ""),
        allowed=canonical(raw.get("allowedips", "")),
        endpoint=raw.get("endpoint", ""),
        keepalive=_number(keepalive),
        preshared=Secret(preshared) if preshared else None,
        name=raw.get("name", ""),
        kind=raw.get("kind", FOREIGN),
        endpoint_name=raw.get("endpoint-name", ""),
    )


def canonical(text: str) -> tuple[str, ...]:
    """`10.0.0.1/24, fd66::1` -> prefixes as the kernel keeps them: host bits cut off, in order, each once."""
    found = set()
    for part in text.split(","):
        try:
            found.add(str(ipaddress.ip_network(part.strip(), strict=False)))
        except ValueError:
            continue
    return addresses.ordered(found)


def _number(text: str) -> int:
    """A number as wg writes it; `off` and text are 0."""
    return int(text, 0) if re.fullmatch(r"0x[0-9a-fA-F]+|[1-9][0-9]*", text) else 0
