"""The hosts of a tunnel, what their interfaces say, and runs of the role with what each module did."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import yaml
from testinfra.host import Host
from testinfra.utils.ansible_runner import AnsibleRunner

ROOT = Path(__file__).resolve().parents[2]
RESULT = re.compile(
    r"^(?P<status>ok|changed|fatal|failed|skipping): \[(?P<host>[\w.-]+)(?: -> [^\]]*)?\](?:: FAILED!)?"
    r"(?: => \(item=.*?\))? => (?P<told>\{.*\})$"
)

KEY = re.compile(r"[A-Za-z0-9+/]{43}=")


@dataclass(frozen=True)
class Result:
    """What a module answered. host: the one that it worked on."""

    task: str
    status: str
    host: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A run of ansible-playbook."""

    returncode: int
    output: str
    seconds: float
    results: list[Result] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The output in one line, as Ansible wraps sentences."""
        return " ".join(self.output.replace("\\n", " ").split())

    @property
    def trouble(self) -> str:
        """The output without what went well."""
        lines = [line[:1000] for line in self.output.splitlines() if not line.startswith(("ok:", "skipping:", "TASK"))]
        return "\n".join(lines)

    @property
    def actions(self) -> dict[str, list[str]]:
        """What the tunnels of each host needed; hosts that needed nothing are left out.

        Without the first look, whose actions come again, and the proof at the end, which finds what is left to do.
        """
        found: dict[str, list[str]] = {}
        for one in self.results:
            looks = "Prove" in one.task or "Refuse" in one.task
            if not looks and "backend" in one.told and "peers" in one.told and one.told.get("actions"):
                found.setdefault(one.host, []).extend(one.told["actions"])
        return found

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.M)}


def results(output: str) -> Iterator[Result]:
    """The modules' answers in the output of a run with `-v`."""
    task = ""
    for line in output.splitlines():
        if line.startswith("TASK ["):
            task = line[6 : line.rindex("]")]
        match = RESULT.match(line)
        if match:
            told = json.loads(match["told"])
            host = told["item"] if isinstance(told.get("item"), str) else match["host"]
            yield Result(task, match["status"], host, told)


def eventually(look: Callable[[], Any], seconds: float) -> float:
    """Seconds until it is true; fails when it does not become so in time."""
    begun = time.monotonic()
    while not look():
        assert time.monotonic() < begun + seconds, f"not within {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - begun


def pruned(content: Any, name: str) -> Any:
    """An inventory's content without a host."""
    if not isinstance(content, dict):
        return content
    return {
        key: {host: told for host, told in value.items() if host != name}
        if key == "hosts" and isinstance(value, dict)
        else pruned(value, name)
        for key, value in content.items()
    }


class Mesh:
    """The hosts of the scenario."""

    interface = "wg0"

    def __init__(self, inventory: Path, playbook: Path, lab: str) -> None:
        self.inventory, self.playbook, self.lab = inventory, playbook, lab

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """By name, as root."""
        runner = AnsibleRunner.get_runner(str(self.inventory))
        found = {name: runner.get_host(name) for name in runner.get_hosts("all") if name != "localhost"}
        assert len(found) > 1, f"no hosts in {self.inventory}"
        for one in found.values():
            one.backend.sudo = True
        return found

    @cached_property
    def variables(self) -> dict[str, dict[str, Any]]:
        """Of every host."""
        runner = AnsibleRunner.get_runner(str(self.inventory))
        return {name: runner.get_variables(name) for name in self.hosts}

    @property
    def addresses(self) -> dict[str, str]:
        """In the tunnel."""
        return {name: told["mastodon_address"] for name, told in self.variables.items()}

    @property
    def seed(self) -> str:
        """Of the preshared keys; made by the first run."""
        file = Path(self.variables["main"]["mastodon_secrets_file"])
        found: str = yaml.safe_load(file.read_text())["mastodon_secrets"]["wireguard_seed"]
        return found

    # -- what is there

    def pings(self, one: str, other: str, size: int = 56, tries: int = 1) -> bool:
        """Whether a packet that may not be fragmented comes back; of several tries any."""
        call = f"ping -n -q -M do -s {size} -c 1 -W 2 {self.addresses[other]}"
        return any(self.hosts[one].run(call).rc == 0 for _ in range(tries))

    def silent(self, size: int = 56, tries: int = 1) -> list[tuple[str, str]]:
        """Pairs of which the first gets no answer of the second."""
        return [pair for pair in permutations(self.hosts, 2) if not self.pings(*pair, size=size, tries=tries)]

    def peers(self, name: str) -> set[str]:
        """Public keys of the running interface."""
        return set(self.hosts[name].check_output(f"wg show {self.interface} peers").split())

    def key(self, name: str) -> str:
        """The public key of a host."""
        found: str = self.hosts[name].check_output(f"wg show {self.interface} public-key")
        return found

    def endpoint(self, name: str, of: str) -> str:
        """Where a host sends what is for another one."""
        told = self.hosts[name].check_output(f"wg show {self.interface} endpoints").splitlines()
        return dict(line.split() for line in told)[self.key(of)]

    def mtu(self, name: str) -> int:
        """Of the interface."""
        return int(self.hosts[name].check_output(f"cat /sys/class/net/{self.interface}/mtu"))

    def born(self) -> dict[str, str]:
        """What changes when an interface is made anew."""
        look = f"cat /sys/class/net/{self.interface}/ifindex; systemctl show -P ActiveEnterTimestampMonotonic "
        return {name: one.check_output(f"{look} wg-quick@{self.interface}") for name, one in self.hosts.items()}

    def state(self, name: str) -> str:
        """A host's tunnel, of its files and of what runs; of keys a print only."""
        told = self.hosts[name].check_output(
            "cat /etc/wireguard/*;"
            f" wg showconf {self.interface}; ip -brief address show dev {self.interface};"
            f" ip route show dev {self.interface}; cat /sys/class/net/{self.interface}/mtu"
        )
        # The endpoint of a host behind NAT is where it was last heard; peers and their addresses have no order;
        # wg-quick does not say who made a route.
        told = told.replace(" proto static", "").replace(",", " ")
        told = KEY.sub(lambda found: hashlib.sha256(found[0].encode()).hexdigest()[:12], told)
        lines = [" ".join(sorted(line.split())) for line in told.splitlines()]
        return "\n".join(sorted(line for line in lines if "Endpoint" not in line))

    def states(self) -> dict[str, str]:
        """Of all hosts."""
        return {name: self.state(name) for name in self.hosts}

    # -- what is done

    def run(self, *arguments: str, inventory: Path | None = None, playbook: Path | None = None, **changed: Any) -> Run:
        """A run of the scenario's converge, or of another playbook, with these variables."""
        verbose = () if any(one.startswith("-v") for one in arguments) else ("-v",)
        call = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory or self.inventory)]
        call += [
            *verbose,
            *arguments,
            *(["-e", json.dumps(changed)] if changed else []),
            str(playbook or self.playbook),
        ]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CACHE_PLUGIN": os.environ.get("ANSIBLE_CACHE_PLUGIN", "memory"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_CALLBACK_FORMAT_PRETTY": "false",
            "ANSIBLE_FORCE_COLOR": "0",
            "NO_COLOR": "1",
        }
        begun = time.monotonic()
        done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        output = done.stdout + done.stderr
        return Run(done.returncode, output, time.monotonic() - begun, list(results(output)))

    def good(self, *arguments: str, **given: Any) -> Run:
        """A run that must succeed."""
        done = self.run(*arguments, **given)
        if done.returncode:
            raise AssertionError(f"exit code {done.returncode}:\n{done.trouble}")
        return done

    def refused(self, **given: Any) -> str:
        """A run that must fail and leave all hosts as they are; what it said."""
        before = self.states()
        done = self.run(**given)
        if not done.returncode:
            raise AssertionError(f"nothing refused it:\n{done.trouble}")
        after = self.states()
        assert [name for name in after if after[name] != before[name]] == []
        return done.words

    def fault(self, kind: str, *names: str) -> None:
        """Break and mend hosts and sites of the lab."""
        call = [sys.executable, "-m", "tests.lab", "fault", self.lab, kind, *names]
        subprocess.run(call, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def without(self, name: str, directory: Path) -> Path:
        """An inventory without one of the hosts."""
        directory.mkdir()
        for file in sorted(self.inventory.glob("*.yml")) + sorted(self.inventory.glob("hosts")):
            content = pruned(yaml.safe_load(file.read_text()), name)
            (directory / f"{file.stem}.yml").write_text(yaml.safe_dump(content))
        return directory
