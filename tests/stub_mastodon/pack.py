"""Packs a release of the stand-in: the same files give the same bytes, so the checksum says what is inside."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .yarn import YARN, yarn

HERE = Path(__file__).resolve().parent
APP = HERE / "app"
RELEASES = HERE / "releases"
CACHE = Path(os.environ.get("FEDIVERSE_CACHE") or Path.home() / ".cache" / "fediverse-mastodon") / "stub"
FIRST = "v1.0.0"
LEFT_OUT = {"node_modules", "tmp", "log"}
MADE = ("public/packs", "public/assets", "public/system", ".env.production")
MTIME = 1735689600  # 2025-01-01, so that a file's time is no part of its content


class PackError(Exception):
    """What is wrong and what to do about it."""


@dataclass(frozen=True)
class Archive:
    path: Path
    checksum: str


def versions() -> list[str]:
    """The first release and those that change it."""
    return [FIRST, *sorted(path.name for path in RELEASES.iterdir() if path.is_dir())]


def _files(root: Path) -> dict[str, Path]:
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if LEFT_OUT.intersection(path.relative_to(root).parts) or any(
            name == made or name.startswith(f"{made}/") for made in MADE
        ):
            continue
        found[name] = path
    return found


def release_files(version: str) -> dict[str, Path]:
    """The files of a release: those of the first one, then what each later release replaces or adds."""
    if version not in versions():
        raise PackError(f"there is no release {version}; there are {', '.join(versions())}")
    files = _files(APP)
    for later in versions()[1:]:
        if later > version:
            break
        files.update(_files(RELEASES / later))
    return files


def _member(name: str, path: Path) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mtime = MTIME
    info.uname = info.gname = "root"
    if path.is_symlink():
        info.type = tarfile.SYMTYPE
        info.linkname = os.readlink(path)
        return info, b""
    data = path.read_bytes()
    info.size = len(data)
    info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
    return info, data


def _tar(top: str, files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            info, data = _member(f"{top}/{name}", files[name])
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def build(version: str, cache: Path = CACHE) -> Archive:
    """Write the archive unless it is there with the same content; safe beside another run."""
    files = release_files(version)
    cache.mkdir(parents=True, exist_ok=True)
    files[f".yarn/releases/{YARN}"] = yarn(cache)
    packed = gzip.compress(_tar(f"mastodon-{version.removeprefix('v')}", files), compresslevel=6, mtime=0)
    path = cache / f"mastodon-{version}.tar.gz"
    if not path.exists() or path.read_bytes() != packed:
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(packed)
        partial.replace(path)
    return Archive(path, f"sha256:{hashlib.sha256(packed).hexdigest()}")
