"""No key in what a run prints, caches, logs or passes as an argument."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.tunnel.mesh import Mesh

# Every command line and environment that there was, some hundred times a second.
SAMPLER = """
import glob, time
seen = set()
with open("/run/tunnel-commands.txt", "ab", buffering=0) as out:
    while True:
        for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
            try:
                text = open(path, "rb").read()
            except OSError:
                continue
            if text not in seen:
                seen.add(text)
                out.write(text.replace(b"\\0", b" ") + b"\\n")
        time.sleep(0.01)
"""
# And each call of `wg`, however short.
WG_PATH = "/usr/local/sbin/wg"
WG = """#!/bin/sh
{ tr '\\0' ' ' < /proc/$$/environ; echo; echo "wg $*"; } >> /run/tunnel-commands.txt
exec /usr/bin/wg "$@"
"""


def secrets(net: Mesh) -> dict[str, str]:
    """Private and preshared keys of all hosts, and the seed."""
    found = {"seed": net.seed}
    for name, one in net.hosts.items():
        for number, text in enumerate(one.check_output("cat /etc/wireguard/*.key").split()):
            found[f"private key {number} of {name}"] = text
        for line in one.check_output("wg show wg0 preshared-keys").splitlines():
            found[f"preshared key of {name} and {line.split()[0]}"] = line.split()[1]
    return found


def test_no_key_is_told(net: Mesh, once: None, restored: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in net.hosts.values():
        one.check_output("rm -f /run/tunnel-commands.txt")
        one.check_output(f"cat > /run/tunnel-sampler.py <<'EOF'\n{SAMPLER}\nEOF")
        one.check_output("systemd-run --quiet --collect --unit=tunnel-sampler python3 /run/tunnel-sampler.py")
        one.check_output(f"cat > {WG_PATH} <<'EOF'\n{WG}EOF")
        one.check_output(f"chmod 755 {WG_PATH}")
    before = secrets(net)
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN", "ansible.builtin.jsonfile")
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", str(tmp_path / "facts"))
    try:
        # All that is secret changes: one host is new, and all pairs get other preshared keys.
        net.hosts["home2"].check_output("systemctl disable --now wg-quick@wg0; rm -r /etc/wireguard")
        predicted = net.run("-vvv", "--check", "--diff", wireguard_preshared_epoch=7)
        done = net.good("-vvv", "--diff", wireguard_preshared_epoch=7)
        time.sleep(0.5)
    finally:
        for one in net.hosts.values():
            one.run(f"systemctl stop tunnel-sampler; rm -f {WG_PATH}")
    wanted = {**{f"{what}, before": text for what, text in before.items()}, **secrets(net)}
    assert len(wanted) > 25
    places = {"the prediction": predicted.output, "the run": done.output}
    for path in (tmp_path / "facts").glob("**/*"):
        places[f"the cache of facts, {path.name}"] = path.read_text() if path.is_file() else ""
    registry = Path(net.variables["main"]["wireguard_registry_file"])
    places["the registry"] = registry.read_text()
    for name, one in net.hosts.items():
        places[f"the commands on {name}"] = one.check_output("cat /run/tunnel-commands.txt")
        places[f"the journal of {name}"] = one.check_output("journalctl -q --no-pager -o cat")
    told = [(what, place) for what, text in wanted.items() for place, content in places.items() if text in content]
    assert told == []
    # The search finds what may be told.
    public = net.key("home2")
    assert public in done.output and public in registry.read_text()
    assert "wg set wg0 peer" in places["the commands on main"]
