"""The release of Yarn that goes into the archive, so that the usual commands work without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.9.2"
YARN = f"yarn-{VERSION}.cjs"
OFFLINE = Path(__file__).resolve().parent / "yarn_offline.cjs"


def yarn(cache: Path) -> Path:
    """From the cache, or by npm into it; without npm a small script that does what these workspaces need."""
    cached = cache / YARN
    if cached.exists():
        return cached
    if not shutil.which("npm"):
        return OFFLINE
    with tempfile.TemporaryDirectory(dir=cache) as place:
        call = ["npm", "pack", "--silent", f"@yarnpkg/cli-dist@{VERSION}"]
        done = subprocess.run(call, cwd=place, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        archives = list(Path(place).glob("*.tgz"))
        if done.returncode or not archives:
            reason = done.stderr.strip()
            print(f"stub_mastodon: npm has no Yarn, the small replacement goes in: {reason}", file=sys.stderr)
            return OFFLINE
        with tarfile.open(archives[0]) as tar:
            member = tar.extractfile("package/bin/yarn.js")
            assert member is not None
            partial = Path(place) / YARN
            partial.write_bytes(member.read())
        partial.replace(cached)
    return cached
