"""The base image: a small Debian with systemd and sshd, made by mmdebstrap and cached by its recipe's content."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from . import apt
from .docker import docker, image_exists
from .errors import LabError
from .paths import CACHE, lock
from .progress import step

REPOSITORY = "fediverse-lab"
# What a bare Debian server has and roles may expect; everything else they install themselves.
PACKAGES = [
    *("ca-certificates", "cron", "dbus", "iproute2", "iputils-ping", "kmod", "less", "logrotate", "netbase"),
    *("openssh-server", "procps", "python3", "sudo", "systemd", "systemd-sysv", "systemd-timesyncd", "tzdata", "udev"),
]
APT_CONFIGURATION = """\
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
"""
DPKG_CONFIGURATION = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
"""
SSH_CONFIGURATION = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
UseDNS no
"""
# Docker mounts /etc/hosts and /etc/hostname over the image's files. Nothing can be renamed onto a mount point, as it
# can on a real host; so the first thing that runs takes the mounts away and leaves plain files with their content.
# Host keys are made then too: hosts of the same image must not share them.
BOOT_UNIT = """\
[Unit]
Description=Make the container like a host: plain files in /etc, a host key of its own
DefaultDependencies=no
Before=sysinit.target systemd-sysctl.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-boot
[Install]
WantedBy=sysinit.target
"""
BOOT_SCRIPT = """\
#!/bin/sh
# A file with content has been written by an earlier boot, and perhaps by an administrator since: it stays.
set -eu
for file in /etc/hosts /etc/hostname; do
    mountpoint -q "$file" || continue
    content=$(cat "$file")
    umount "$file"
    test -s "$file" || printf '%s\\n' "$content" >"$file"
    chmod 644 "$file"
done
# Sysctls of the network are the container's own, and writable as on a host; all others are the machine's.
# systemd-sysctl comes after this: it only works where it can write.
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
key=/etc/ssh/ssh_host_ed25519_key
test -s "$key" || ssh-keygen -q -t ed25519 -N "" -f "$key"
"""
FILES = {
    "etc/apt/apt.conf.d/20lab": (APT_CONFIGURATION, 0o644),
    "etc/dpkg/dpkg.cfg.d/lab": (DPKG_CONFIGURATION, 0o644),
    "etc/ssh/sshd_config.d/lab.conf": (SSH_CONFIGURATION, 0o644),
    "etc/systemd/system/lab-boot.service": (BOOT_UNIT, 0o644),
    "usr/local/sbin/lab-boot": (BOOT_SCRIPT, 0o755),
    "etc/sudoers.d/debian": ("debian ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440),
}
# Ansible warns when it must make its directory; it would do so once on each new host, and scenarios fail on warnings.
CUSTOMIZE = """\
useradd --create-home --shell /bin/bash --groups sudo debian
install -d -m 700 -o debian -g debian /home/debian/.ssh
install -d -m 700 /root/.ansible /root/.ansible/tmp
install -d -m 700 -o debian -g debian /home/debian/.ansible /home/debian/.ansible/tmp
rm -f /etc/ssh/ssh_host_* /etc/hostname /etc/hosts /etc/resolv.conf /var/lib/dbus/machine-id
rm -f /etc/apt/apt.conf.d/docker-* /etc/apt/apt.conf.d/99mmdebstrap /etc/dpkg/dpkg.cfg.d/99mmdebstrap
: >/etc/machine-id
systemctl enable lab-boot.service
systemctl mask console-getty.service getty.target
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
"""


def tag(release: str, sources: list[str]) -> str:
    """The image's name: equal recipe, equal name."""
    recipe = json.dumps(
        [release, sources, PACKAGES, {name: list(file) for name, file in FILES.items()}, CUSTOMIZE], sort_keys=True
    )
    return f"{REPOSITORY}:{release}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def command(release: str, sources: list[str], files: Path, target: Path) -> list[str]:
    """The mmdebstrap call."""
    call = [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        "--skip=cleanup/apt/lists",
    ]
    call += [f"--aptopt={line.rstrip(';')}" for line in APT_CONFIGURATION.splitlines()]
    call += [f"--dpkgopt={line}" for line in DPKG_CONFIGURATION.splitlines()]
    call += [f"--customize-hook=copy-in {files / name} /" for name in sorted({name.split("/")[0] for name in FILES})]
    call += [f"--customize-hook=chroot \"$1\" sh -euc '{CUSTOMIZE}'", release, str(target)]
    return [*call, *sources]


def build(release: str, sources: list[str], name: str) -> None:
    """Bootstrap and import."""
    apt.require("mmdebstrap", "/usr/bin/mmdebstrap")
    apt.require("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="image-") as work:
        files, target = Path(work) / "files", Path(work) / "image.tar"
        for path, (content, mode) in FILES.items():
            place = files / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
            place.chmod(mode)
        done = subprocess.run(
            command(release, sources, files, target), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise LabError(apt.explain(done.stderr, f"the base image of Debian {release} could not be built"))
        changes = ('CMD ["/lib/systemd/systemd"]', "ENV container=docker")
        docker("import", *[part for change in changes for part in ("--change", change)], str(target), name, timeout=900)


def ensure(release: str) -> str:
    """The base image's name; builds it when it is not there."""
    sources = apt.image_sources(release)
    name = tag(release, sources)
    if image_exists(name):
        return name
    with lock(f"image-{release}"):
        if not image_exists(name):
            with step(f"base image of Debian {release}", "about 30 s, once"):
                build(release, sources, name)
    return name
