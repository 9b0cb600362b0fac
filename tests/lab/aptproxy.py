"""Packages are downloaded once: apt-cacher-ng in a container of its own, used by every host of every lab.

It runs on this machine's network and listens on the address of docker's default bridge only: all containers reach it
there, nobody outside does. Its cache is a directory beside the other caches, so it survives everything.
"""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from . import apt, baked
from .docker import DockerError, docker, inspect
from .errors import LabError
from .paths import CACHE, lock
from .progress import say, step

NAME = "fediverse-lab-apt"
PORT = 3199
CONFIGURATION = "conf/acng.conf"
PACKAGES = ("apt-cacher-ng",)
LABEL = "org.fediverse-mastodon.recipe"
START_SECONDS = 20


def configuration(address: str, upstream: str) -> str:
    """The whole configuration; none of Debian's is read."""
    lines = [
        "CacheDir: /cache/files",
        "LogDir: /cache/log",
        "SupportDir: /usr/lib/apt-cacher-ng",
        f"BindAddress: {address}",
        f"Port: {PORT}",
        "ForeGround: 1",
        "VerboseLog: 0",
        "ExThreshold: 60",
        # Several hosts update one after the other within a run; asking the mirror once is enough.
        "FreshIndexMaxAge: 300",
        "PassThroughPattern: ^.*:443$",
    ]
    return "\n".join([*lines, *([f"Proxy: {upstream}"] if upstream else [])]) + "\n"


def bridge_address() -> str:
    """This machine's address on docker's default bridge."""
    for pool in inspect("network", ["bridge"])[0]["IPAM"]["Config"] or []:
        if "Gateway" in pool:
            return str(pool["Gateway"])
    return "172.17.0.1"


def answers(url: str) -> bool:
    """Does apt-cacher-ng answer? Its root page is a 4xx with instructions."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
            text = response.read()
    except urllib.error.HTTPError as answer:
        text = answer.read()
    except OSError:
        return False
    return b"apt-cacher" in text.lower()


def _start(image: str, recipe: str, content: str) -> None:
    cache = CACHE / "apt"
    (cache / "conf").mkdir(parents=True, exist_ok=True)
    for part in ("files", "log"):
        (cache / part).mkdir(exist_ok=True)
    (cache / CONFIGURATION).write_text(content)
    try:
        docker("rm", "--force", NAME)
    except DockerError as problem:
        if "No such container" not in problem.reason:
            raise
    call = [
        "run",
        "--detach",
        f"--name={NAME}",
        f"--label={LABEL}={recipe}",
        "--network=host",
        "--restart=unless-stopped",
    ]
    docker(*call, f"--volume={cache}:/cache", image, "apt-cacher-ng", "-c", "/cache/conf")


def _running(recipe: str) -> bool:
    try:
        seen = inspect("container", [NAME])[0]
    except DockerError:
        return False
    if not seen["State"]["Running"] or seen["Config"]["Labels"].get(LABEL) != recipe:
        return False
    # Of whichever checkout or user: but not if somebody has removed its cache beneath it.
    return all((Path(mount["Source"]) / CONFIGURATION).exists() for mount in seen["Mounts"])


def ensure(base: Callable[[str], str]) -> str:
    """The proxy's URL; starts it when it is not there. `base` gives the base image of a release."""
    address = bridge_address()
    url = f"http://{address}:{PORT}"
    content = configuration(address, apt.upstream_proxy())
    recipe = hashlib.sha256(content.encode()).hexdigest()[:12]
    if _running(recipe) and answers(url):
        return url
    with lock("apt-proxy"):
        if _running(recipe) and answers(url):
            return url
        image = baked.ensure(base("trixie"), PACKAGES, apt.upstream_proxy())
        with step("package cache: starting"):
            _start(image, recipe, content)
            deadline = time.monotonic() + START_SECONDS
            while not answers(url):
                if time.monotonic() > deadline:
                    raise LabError(
                        f"the package cache does not answer at {url}; see `docker logs {NAME}` (is the port in use?)"
                    )
                time.sleep(0.2)
    return url


def stop() -> bool:
    """Remove the container, not the cache; True if there was one."""
    try:
        docker("rm", "--force", NAME)
    except DockerError as problem:
        if "No such container" not in problem.reason:
            raise
        return False
    say("package cache: stopped (its files stay)")
    return True
