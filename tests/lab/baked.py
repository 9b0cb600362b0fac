"""Images with packages baked in, cached by content: for scenarios not about installing, and for the package cache."""

from __future__ import annotations

import hashlib
import json
import uuid

from . import apt
from .docker import DockerError, docker, image_exists
from .errors import LabError
from .paths import lock
from .progress import step

# Services must not start while the image is built. They do at the host's first boot: the hook must not stay.
SCRIPT = """\
set -eu
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
test -z "$PROXY" || printf 'Acquire::http::Proxy "%s";\\n' "$PROXY" >/etc/apt/apt.conf.d/99build
apt-get -qq update
apt-get -qq install --yes --no-install-recommends $PACKAGES >/dev/null
apt-get clean
rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/99build
"""


def tag(base: str, wanted: tuple[str, ...]) -> str:
    """Equal base, packages and script: equal name."""
    return f"{base}-{hashlib.sha256(json.dumps([wanted, SCRIPT]).encode()).hexdigest()[:12]}"


def ensure(base: str, wanted: tuple[str, ...], proxy: str) -> str:
    """The base image with these packages; the base image itself without any."""
    if not wanted:
        return base
    name = tag(base, wanted)
    if image_exists(name):
        return name
    with lock(name.replace(":", "-")):
        if not image_exists(name):
            with step(f"image with {', '.join(wanted)}", "once for this list"):
                _build(base, wanted, name, proxy)
    return name


def _build(base: str, wanted: tuple[str, ...], name: str, proxy: str) -> None:
    worker = f"fediverse-lab-build-{uuid.uuid4().hex[:12]}"
    script = f"PROXY='{proxy}'\nPACKAGES='{' '.join(wanted)}'\n{SCRIPT}"
    try:
        docker("run", f"--name={worker}", base, "sh", "-c", script, timeout=1200)
        docker("commit", '--change=CMD ["/lib/systemd/systemd"]', worker, name)
    except DockerError as problem:
        raise LabError(
            apt.explain(problem.reason, f"the packages {', '.join(wanted)} could not be installed into an image")
        ) from None
    finally:
        docker("rm", "--force", "--volumes", worker)
