"""`make demo`: a whole installation on container hosts, shown working, with what to do next.

Uses a shipped inventory, the lab and the very playbook an administrator runs; the first posts are written through nginx
by an ordinary client. `python3 -m tests.demo up|down`.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("FEDIVERSE_CACHE", Path.home() / ".cache" / "fediverse-mastodon"))
LAB = "demo"
LAYOUT = ROOT / "inventories" / "chaos_social"
SIZES = ROOT / "molecule" / "layout_chaos_social" / "lab.yml"  # of hosts that share one machine
DOMAIN = "mastodon.localhost"  # browsers resolve *.localhost to this machine by themselves
ENTRY = "main"


def free_port(wanted: tuple[int, ...] = (443, 8443)) -> int:
    """The first of the wanted ports on the loopback address that nobody listens on."""
    for port in wanted:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    sys.exit(f"ports {', '.join(map(str, wanted))} on 127.0.0.1 are all taken; free one and run `make demo` again")


def published_port(spec: Path) -> int:
    """The port of a demo that runs already, so that running it again changes nothing; else a free one."""
    if spec.exists():
        return int(next(iter(yaml.safe_load(spec.read_text())["publish"][ENTRY])))
    return free_port()


def call(*command: str, **environment: str) -> None:
    """Run a command in the checkout; its failure is ours."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(
            f"demo: `{' '.join(command[:6])} …` ended with {done.returncode}; `make demo-down` removes what is left"
        )


def up() -> None:
    """Bring the demo up, deploy, post, and print where to look."""
    started = time.monotonic()
    state = CACHE / "demo"
    state.mkdir(parents=True, exist_ok=True)
    spec, connection = state / "lab.yml", state / "zz_lab.yml"
    port = published_port(spec)
    sizes = yaml.safe_load(SIZES.read_text())
    spec.write_text(
        yaml.safe_dump({**sizes, "publish": {ENTRY: {port: 443}}, "vars": {**sizes["vars"], "mastodon_domain": DOMAIN}})
    )
    lab = [sys.executable, "-m", "tests.lab"]
    call(*lab, "up", LAB, "--inventory", str(LAYOUT), "--spec", str(spec), "--inventory-out", str(connection))
    hosts = time.monotonic()
    call(
        "ansible-playbook",
        "site.yml",
        "-i",
        str(LAYOUT),
        "-i",
        str(connection),
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(state / "facts"),
    )
    deployed = time.monotonic()
    from tests.e2e.demo import greet  # needs the client libraries, which only `up` wants

    login = greet(connection, DOMAIN)
    where = f"https://{DOMAIN}" + ("" if port == 443 else f":{port}")
    print(
        f"""
The demo runs.

  URL        {where}/   (its certificate comes from a test authority: accept it, or trust {login.authority})
  Login      {login.email}
  Password   {login.password}

{login.units}

  hosts      {hosts - started:5.0f} s
  deployment {deployed - hosts:5.0f} s
  in all     {time.monotonic() - started:5.0f} s

  a host's shell    .venv/bin/python -m tests.lab ssh {LAB} {ENTRY}
  deploy again      ansible-playbook site.yml -i {LAYOUT.relative_to(ROOT)} -i {connection}
  stop              make demo-down
"""
    )


def down() -> None:
    """Remove hosts and state."""
    call(sys.executable, "-m", "tests.lab", "down", LAB)
    state = CACHE / "demo"
    if state.exists():
        subprocess.run(["rm", "-r", str(state)], check=True)


def main() -> None:
    """Parse and go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    {"up": up, "down": down}[parser.parse_args().action]()


if __name__ == "__main__":
    main()
