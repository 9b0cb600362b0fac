"""Run Molecule scenarios, two at a time, print a line each, and trust no green that ran nothing.

`python3 -m tests.scenarios [--jobs N] [NAME …]` (default: all). Molecule reports success when no host matched,
when a playbook was missing and when no test was collected; so a scenario counts as passed only if it exited with 0,
its plays did something (`ok=` in a recap) and its tests ran in every `verify`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("FEDIVERSE_CACHE", Path.home() / ".cache" / "fediverse-mastodon"))
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = ("layout_", "journey_", "role_wireguard")
VERIFIES = 2  # before and after the idempotence run, unless a scenario's own sequence says otherwise


@dataclass(frozen=True)
class Outcome:
    """What one scenario did. `problem` is empty when it passed."""

    name: str
    seconds: float
    tests: int
    problem: str


def names() -> list[str]:
    """Scenario names, the long ones first, so that nothing is left to wait for at the end."""
    found = [path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")]
    return sorted(found, key=lambda name: (not name.startswith(LONG), name))


def unfinished(scenario: Path) -> str:
    """Why a scenario is run by its name only: the text of its `unfinished.txt`. Empty for one that always runs."""
    file = scenario / "unfinished.txt"
    return " ".join(file.read_text().split()) if file.exists() else ""


def verifies(configuration: str) -> int:
    """How often a scenario promises to run its tests, from the text of its molecule.yml; at least once."""
    sequence = ((yaml.safe_load(configuration) or {}).get("scenario") or {}).get("test_sequence")
    return VERIFIES if sequence is None else max(1, sequence.count("verify"))


def wanted_warnings(scenario: Path) -> list[str]:
    """How warnings begin that a scenario is about: the lines of its `warnings.txt`."""
    file = scenario / "warnings.txt"
    return [line for line in file.read_text().splitlines() if line] if file.exists() else []


def judge(returncode: int, output: str, promised: int = VERIFIES, wanted: Sequence[str] = ()) -> tuple[int, str]:
    """From a scenario's exit code and whole output: how many tests passed, and what is wrong (empty: nothing)."""
    text = ANSI.sub("", output)
    passed = [int(count) for count in re.findall(r"(\d+) passed", text)]
    if returncode != 0:
        return sum(passed), f"molecule exited with {returncode}"
    if not re.search(r"\bok=[1-9]", text):
        return sum(passed), "no play did anything"
    if len([count for count in passed if count]) < promised:
        return sum(passed), f"tests ran {len(passed)} times instead of {promised}"
    for line in re.findall(r"\[(?:WARNING|DEPRECATION).*", text):
        if not line.partition(": ")[2].startswith(tuple(wanted)):
            return sum(passed), f"a warning: {line.strip()}"
    return sum(passed), ""


def run(name: str) -> Outcome:
    """One whole `molecule test`; the output goes to a log in the cache."""
    log = CACHE / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(CACHE / "molecule" / checkout / name),
        "NO_COLOR": "1",
        "PY_COLORS": "0",
    }
    started = time.monotonic()
    with log.open("w") as stream:
        done = subprocess.run(
            ["molecule", "test", "-s", name],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    promised = verifies((ROOT / "molecule" / name / "molecule.yml").read_text())
    wanted = wanted_warnings(ROOT / "molecule" / name)
    tests, problem = judge(done.returncode, log.read_text(errors="replace"), promised, wanted)
    return Outcome(name, time.monotonic() - started, tests, problem)


def run_all(wanted: list[str], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come. A scenario waits for its hosts half of the time: two fill two cores better than one."""
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run, name) for name in wanted]):
            yield future.result()


def main() -> int:
    """Run, print, and end with a line that says how many passed and failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", help="default: all")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at a time (default: 2)")
    chosen = parser.parse_args()
    waiting = {name: reason for name in names() if (reason := unfinished(ROOT / "molecule" / name))}
    wanted = chosen.scenario or [name for name in names() if name not in waiting]
    unknown = sorted(set(wanted) - set(names()))
    if unknown:
        print(f"no scenario {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    print(f"{len(wanted)} scenarios, {chosen.jobs} at a time; logs in {CACHE / 'logs'}", flush=True)
    for name, reason in waiting.items():
        if name not in wanted:
            print(f"{name} is not run: {reason}", flush=True)
    outcomes = []
    for outcome in run_all(wanted, chosen.jobs):
        outcomes.append(outcome)
        verdict = f"FAILED: {outcome.problem}" if outcome.problem else "ok"
        done = f"[{len(outcomes)}/{len(wanted)}] {outcome.name}: {verdict}"
        print(f"{done}, {outcome.tests} test results, {outcome.seconds:.0f} s", flush=True)
        if outcome.problem:
            log = CACHE / "logs" / f"{outcome.name}.log"
            print("\n".join(ANSI.sub("", line) for line in log.read_text(errors="replace").splitlines()[-80:]))
            print(f"whole log: {log}; the hosts' journals: {log.with_suffix('.hosts.log')}", flush=True)
    failed = [outcome for outcome in outcomes if outcome.problem]
    print(f"scenarios: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
