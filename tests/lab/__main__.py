"""`python3 -m tests.lab`: see docs/interfaces.md, "The lab and the scenarios"."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import hosts, labs, logs, minio, sites
from .errors import LabError
from .request import host_from_text


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python3 -m tests.lab", description="Hosts for tests: Debian containers with systemd and sshd."
    )
    commands = top.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a lab, or make a running one what is asked for")
    up.add_argument("name")
    up.add_argument(
        "--inventory",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="its hosts become containers",
    )
    up.add_argument("--host", action="append", default=[], metavar="NAME[,memory=2g][,cpus=1.5]", help="one more host")
    up.add_argument("--spec", type=Path, metavar="FILE", help="limits, packages, ports, variables")
    up.add_argument("--inventory-out", type=Path, metavar="FILE", help="where to write the connection inventory")
    down = commands.add_parser("down", help="remove labs; leaves nothing of them")
    down.add_argument("name", nargs="*")
    down.add_argument("--all", action="store_true")
    down.add_argument("--logs", action="store_true", help="first write what `logs` prints into the cache")
    commands.add_parser("list", help="labs, their hosts, addresses, age and state")
    ssh = commands.add_parser("ssh", help="a shell on a host, or a command there")
    ssh.add_argument("name")
    ssh.add_argument("host")
    ssh.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND")
    fault = commands.add_parser("fault", help="break and mend hosts and sites")
    fault.add_argument("name")
    fault.add_argument("kind", choices=sorted({*hosts.FAULTS, *sites.FAULTS}))
    fault.add_argument("host", nargs="+", metavar="HOST_OR_SITE")
    log = commands.add_parser("logs", help="failed units and the journal's last lines of each host")
    log.add_argument("name")
    log.add_argument("host", nargs="*")
    log.add_argument("--lines", type=int, default=logs.LINES)
    commands.add_parser("minio", help="build MinIO if need be and print the binary's path")
    return top


def ssh(name: str, host: str, arguments: list[str]) -> None:
    """Become ssh."""
    state = labs.running(name)
    labs.chosen(state, [host])
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    os.execvp("ssh", ["ssh", "-i", str(state.key), *options, f"debian@{state.hosts[host].plain}", *arguments])


def run(given: argparse.Namespace) -> None:
    """One command."""
    if given.command == "up":
        labs.up(
            given.name, given.inventory, [host_from_text(text) for text in given.host], given.spec, given.inventory_out
        )
    elif given.command == "down":
        labs.down(given.name, given.all, logs.keep if given.logs else None)
    elif given.command == "list":
        print("\n".join(line for name in labs.all_names() for line in labs.describe(name)) or "no lab")
    elif given.command == "ssh":
        ssh(given.name, given.host, given.arguments)
    elif given.command == "fault":
        labs.fault(given.name, given.kind, given.host)
    elif given.command == "logs":
        print(logs.collect(labs.running(given.name), given.host, given.lines))
    else:
        print(minio.ensure())


def main() -> int:
    """Errors that we know are one sentence."""
    try:
        run(parser().parse_args())
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted; `python3 -m tests.lab down NAME` removes what is left", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
