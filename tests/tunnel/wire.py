"""What crosses a network: every host's interface is watched while something happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from testinfra.host import Host

SCRIPT = (Path(__file__).parent / "sniff.py").read_text()
UNIT = "tunnel-sniff"
Flow = tuple[str, str, str, int, int]


@dataclass
class Watched:
    """What one interface saw; empty until the watch has ended."""

    packets: int = 0
    dropped: int = 0
    marked: int = 0
    flows: list[Flow] = field(default_factory=list)

    def between(self, addresses: set[str]) -> list[Flow]:
        """Flows of which both ends are among the addresses."""
        return [flow for flow in self.flows if flow[1] in addresses and flow[2] in addresses]


def plain_interface(host: Host) -> str:
    """The interface of the default route."""
    found: str = host.check_output("ip -o route show default").split(" dev ")[1].split()[0]
    return found


@contextmanager
def watched(
    hosts: dict[str, Host], interfaces: list[tuple[str, str]], marker: str
) -> Iterator[dict[tuple[str, str], Watched]]:
    """Watch (host, interface) pairs while the block runs; {pair: what it saw} is filled in afterwards."""
    found = {pair: Watched() for pair in interfaces}
    for name in {name for name, _interface in interfaces}:
        hosts[name].check_output(f"cat > /run/{UNIT}.py <<'EOF'\n{SCRIPT}\nEOF")
    for name, interface in interfaces:
        unit = f"{UNIT}-{interface}"
        hosts[name].run(f"systemctl stop {unit}; systemctl reset-failed {unit}")
        hosts[name].check_output(
            f"systemd-run --quiet --unit={unit} -p StandardOutput=truncate:/run/{unit}.json"
            f" python3 /run/{UNIT}.py {interface} {marker}"
        )
    time.sleep(1)  # until they listen
    try:
        yield found
        time.sleep(1)
    finally:
        for name, interface in interfaces:
            hosts[name].check_output(f"systemctl stop {UNIT}-{interface}")
    for name, interface in interfaces:
        text = hosts[name].check_output(f"cat /run/{UNIT}-{interface}.json")
        assert text, f"the watch of {interface} on {name} said nothing"
        told = json.loads(text)
        one = found[name, interface]
        one.packets, one.dropped, one.marked = told["packets"], told["dropped"], told["marked"]
        one.flows = [tuple(flow) for flow in told["flows"]]
