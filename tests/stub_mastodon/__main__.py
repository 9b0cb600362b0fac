"""`python3 -m tests.stub_mastodon build|vars`: pack a release of the stand-in, print the variables that deploy it."""

from __future__ import annotations

import argparse
import sys

import yaml

from .pack import PackError, build, versions
from .variables import variables


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.stub_mastodon", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {"build": "pack a release; prints path and checksum", "vars": "print the inventory variables"}
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--version", default="v1.0.0", choices=versions())
    arguments = parser.parse_args()
    try:
        archive = build(arguments.version)
    except PackError as problem:
        print(f"stub_mastodon: {problem}", file=sys.stderr)
        return 2
    if arguments.command == "build":
        print(archive.path)
        print(archive.checksum)
    else:
        print(yaml.safe_dump(variables(arguments.version, archive), sort_keys=False, width=120), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
