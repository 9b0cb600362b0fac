"""Whole labs: up, down, list."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from . import aptproxy, baked, engine, hosts, image, inventory, minio, network, sites
from .docker import HOST_LABEL, LABEL, containers, networks
from .errors import LabError
from .paths import CACHE, CHECKOUT, LABS, check_disk, lab_dir, lock, lock_if_free
from .progress import elapsed, say, step
from .request import RELEASES, Host, Spec, apply_spec, check_name, fill, make_spec
from .state import Placed, State, load

# Held while labs start, so that nobody stops the package cache beneath them.
IN_USE = "in-use"


def read_spec(file: Path | None) -> Spec:
    """The spec file; no file, no wishes. Its `like` names another one, whose settings hold where it has none."""
    if file is None:
        return Spec()
    document = _document(file)
    if isinstance(document, dict) and "like" in document:
        other = _document(file.parent / str(document.pop("like")))
        document = {**other, **document} if isinstance(other, dict) else other
    return make_spec(document, str(file))


def _document(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as problem:
        raise LabError(
            f"spec {file} cannot be read: {getattr(problem, 'strerror', None) or problem}; pass another --spec"
        ) from None
    except yaml.YAMLError as problem:
        raise LabError(f"spec {file} is not YAML: {' '.join(str(problem).split())}; correct it") from None


def app_variables(app: str) -> dict[str, Any]:
    """The variables that deploy the stand-in application."""
    if not app:
        return {}
    call = [sys.executable, "-m", "tests.stub_mastodon", "vars"]
    done = subprocess.run(call, cwd=CHECKOUT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = yaml.safe_load(done.stdout) if done.returncode == 0 else None
    if not isinstance(found, dict):
        reason = (done.stderr.strip().splitlines() or ["it printed no mapping"])[-1]
        raise LabError(
            f"the app's variables are not to be had: {reason}; run `python3 -m tests.stub_mastodon vars` to see why"
        )
    return found


def clean(name: str) -> bool:
    """Remove everything of a lab, complete or not; True if there was something."""
    found, directory = containers(name), lab_dir(name)
    hosts.remove([one["Id"] for one in found])
    there = bool(found or networks(name) or directory.exists())
    network.remove(name)
    if directory.exists():
        shutil.rmtree(directory)
    return there


def _usable(name: str, spec: Spec) -> State | None:
    """The state of a lab whose networks are what it says and what is wanted; all of any other lab is removed."""
    state = load(name)
    left = "what an interrupted run had left"
    if state is not None and state.key.exists():
        subnets = {one["Name"]: one["IPAM"]["Config"][0]["Subnet"] for one in networks(name)}
        if subnets == {network.name(name, kind): subnet for kind, subnet in state.networks.kinds().items()}:
            if (bool(state.networks.cluster), list(state.networks.sites)) == _shape(spec):
                return state
            left = "a lab with other networks"
    if clean(name):
        say(f"{name}: removed {left}")
    return None


def _shape(spec: Spec) -> tuple[bool, list[str]]:
    return spec.cluster, [site.name for site in spec.sites]


def _new(name: str, spec: Spec) -> State:
    directory = lab_dir(name)
    directory.mkdir(parents=True, mode=0o700)
    call = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {name}", "-f", str(directory / "key")]
    subprocess.run(call, check=True, stdin=subprocess.DEVNULL)
    state = State(name, network.create(name, *_shape(spec)))
    state.save()
    return state


def plan(
    state: State, wanted: dict[str, str], seen: dict[str, dict[str, Any]], at: Mapping[str, str] | None = None
) -> tuple[list[str], list[str], list[str]]:
    """Which hosts to remove, make and mend, from fingerprints wanted and containers seen. Changes `state.hosts`.

    at: the site of a host. A host has the same number in every network.
    """
    gone = [name for name, one in seen.items() if one["State"]["Status"] == "created"]  # killed before it was complete
    for name in seen:
        known = state.hosts.get(name)
        if name not in gone and (known is None or known.fingerprint != wanted.get(name)):
            gone.append(name)
    stay = {name: placed for name, placed in state.hosts.items() if name in seen and name not in gone}
    used = {network.position(placed.plain) for placed in stay.values()}
    fresh = [name for name in wanted if name not in stay]
    places = (position for position in range(240) if position not in used)
    for name, position in zip(fresh, places):
        site = (at or {}).get(name, "")
        reached = network.address(state.networks.sites[site] if site else state.networks.plain, position)
        inside = state.networks.cluster and not site
        cluster = network.address(state.networks.cluster, position) if inside else ""
        stay[name] = Placed(reached, cluster, wanted[name], site)
    state.hosts = {name: stay[name] for name in wanted}
    return gone, fresh, [name for name in wanted if name not in fresh]


def variables(state: State, spec: Spec, app: dict[str, Any], minio_hosts: list[str]) -> dict[str, dict[str, Any]]:
    """The literal host variables of the connection inventory."""
    places = {"gateway": network.gateway(state.networks.plain), "cache": str(CACHE), "minio": str(minio.path())}
    shared = fill({**app, **spec.variables}, places)
    written = {}
    for name, placed in state.hosts.items():
        written[name] = inventory.connection(placed.plain, state.key)
        written[name] |= {"mastodon_address": placed.cluster} if placed.cluster else {}
        written[name]["mastodon_secrets_file"] = str(state.directory / "mastodon_secrets.yml")
        written[name]["wireguard_registry_file"] = str(state.directory / "wireguard_public_keys.yml")
        written[name] |= {"minio_binary": str(minio.path())} if name in minio_hosts else {}
        written[name] |= shared | fill(spec.hosts.get(name, {}).get("vars") or {}, places)
    return written


def up(name: str, sources: list[Path], listed: list[Host], spec_file: Path | None, out: Path | None) -> None:
    """Make the lab what is asked for; hosts that are right already stay as they are."""
    check_name(name)
    spec = read_spec(spec_file)
    if out is not None:
        out.unlink(missing_ok=True)  # it may lie in the inventory's directory and name hosts of another time
    named = inventory.read(sources)
    wanted = apply_spec(named.hosts, listed, spec, str(spec_file))
    check_disk(CACHE)
    engine.ensure()
    check_disk(CACHE, engine.root())
    app = app_variables(spec.app)
    ours = {*inventory.WRITTEN, *app, *spec.variables} - (set() if spec.cluster else {"mastodon_address"})
    problem = inventory.masked(sources, [host.name for host in wanted], ours)
    if problem:
        raise LabError(problem)
    needs_minio = bool(named.minio) or "{minio}" in str([app, spec.variables])
    with ThreadPoolExecutor(1) as background, lock(IN_USE, shared=True), lock(f"lab-{name}"):
        building: Future[Path] | None = background.submit(minio.ensure) if needs_minio else None
        try:
            state = _bring(name, {host.name: host for host in wanted}, spec)
            if building is not None:
                building.result()
        except BaseException:
            minio.cancel()
            raise
        _write(state, variables(state, spec, app, named.minio), out)
    say(f"{name}: {len(state.hosts)} hosts are up, {elapsed():.1f} s in all; inventory {out or state.inventory}")


def _write(state: State, written: dict[str, dict[str, Any]], out: Path | None) -> None:
    text = inventory.render(written)
    for target in [state.inventory, *([out] if out else [])]:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o600)


def _seen(name: str) -> dict[str, dict[str, Any]]:
    """A lab's hosts, running or not; gateways are no hosts."""
    labelled = ((one["Config"]["Labels"].get(HOST_LABEL), one) for one in containers(name))
    return {host: one for host, one in labelled if host}


def _kind(host: Host) -> tuple[str, bool]:
    """What its image depends on."""
    return host.release, host.bare


def _bring(name: str, wanted: dict[str, Host], spec: Spec) -> State:
    proxy = aptproxy.ensure(image.ensure)
    kinds = sorted({_kind(host) for host in wanted.values()})
    images = {
        (release, bare): baked.ensure(image.ensure(release), () if bare else spec.packages, proxy)
        for release, bare in kinds
    }
    forwarder = baked.ensure(image.ensure(RELEASES[0]), sites.PACKAGES, proxy) if spec.sites else ""
    state = _usable(name, spec) or _new(name, spec)
    seen = _seen(name)
    prints = {host.name: hosts.fingerprint(host, images[_kind(host)]) for host in wanted.values()}
    gone, fresh, kept = plan(state, prints, seen, {host.name: host.site for host in wanted.values()})
    if gone:
        say(f"{name}: removing {', '.join(gone)} (changed or not wanted any more)")
        hosts.remove([seen[host]["Id"] for host in gone])
    state.save()
    if made := sites.ensure(state, spec.sites, forwarder):
        say(f"{name}: gateways of {', '.join(made)} run")
    if fresh:
        with step(f"{name}: starting {', '.join(fresh)}"):
            hosts.each(fresh, lambda host: hosts.create(state, wanted[host], images[_kind(wanted[host])], proxy))
            hosts.each(fresh, lambda host: hosts.wait(state, host))
    if kept:
        hosts.each(kept, lambda host: hosts.mend(state, host))
        say(f"{name}: {', '.join(kept)} run already")
    return state


def running(name: str) -> State:
    """A lab that must be there."""
    check_name(name)
    state = load(name)
    if state is None:
        there = ", ".join(sorted(path.parent.name for path in LABS.glob("*/state.json"))) or "none"
        raise LabError(
            f"there is no lab '{name}' (there are: {there}); start it with `python3 -m tests.lab up {name} …`"
        )
    return state


def chosen(state: State, names: list[str]) -> list[str]:
    """Hosts of a lab by name; unknown ones are refused before anything happens."""
    for host in names:
        if host not in state.hosts:
            raise LabError(f"lab '{state.name}' has no host '{host}'; it has {', '.join(state.hosts)}")
    return names


def down(names: list[str], everything: bool, before: Callable[[State], None] | None = None) -> None:
    """Remove labs; `before` may still look at those that are whole."""
    if everything:
        names = all_names()
    elif not names:
        raise LabError("which lab? pass its name (`python3 -m tests.lab list` shows them) or --all")
    for name in names:
        check_name(name)
    engine.ensure()  # after a reboot the engine is off and still keeps the containers of a lab
    for name in names:
        with lock(f"lab-{name}"):
            state = load(name)
            if before is not None and state is not None:
                before(state)
            there = clean(name)
        say(f"{name}: removed" if there else f"{name}: there was nothing")
    with lock_if_free(IN_USE) as free:
        if free and not all_names():
            aptproxy.stop()


def fault(name: str, kind: str, names: list[str]) -> None:
    """Break or mend hosts and sites, all at once."""
    state = running(name)
    there = state.networks.sites
    chosen(state, [one for one in names if one not in there])
    for one in names:
        known, what = (sites.FAULTS, "site") if one in there else (hosts.FAULTS, "host")
        if kind not in known:
            raise LabError(f"'{kind}' cannot be done to the {what} {one}; it can be {', '.join(sorted(known))}")
    with step(f"{name}: {kind} {', '.join(names)}"):
        hosts.each(names, lambda one: (sites.FAULTS[kind] if one in there else hosts.FAULTS[kind])(state, one))


def describe(name: str) -> list[str]:
    """A lab in lines."""
    state = load(name)
    seen = _seen(name)
    if state is None:
        left = len(containers(name))
        return [f"{name}: half a lab, {left} containers; `python3 -m tests.lab down {name}` removes it"]
    minutes = (time.time() - state.created) / 60
    lines = [f"{name}: {len(state.hosts)} hosts, {minutes:.0f} min old, inventory {state.inventory}"]
    for host, placed in state.hosts.items():
        status = seen[host]["State"]["Status"] if host in seen else "missing"
        inside = network.name(name, "cluster")
        if status == "running" and placed.cluster and inside not in seen[host]["NetworkSettings"]["Networks"]:
            status = "cut off"
        where = placed.cluster or (f"site {placed.site}" if placed.site else "no cluster")
        lines.append(f"  {host:20} {placed.plain:16} {where:16} {status}")
    for number, site in enumerate(state.networks.sites):
        lines.append(f"  {'site ' + site:20} {network.outer(state.networks.plain, number):16} its gateway")
    return lines


def all_names() -> list[str]:
    """All labs: those with state and those with containers only."""
    labelled = {one["Config"]["Labels"][LABEL] for one in containers()} | {one["Labels"][LABEL] for one in networks()}
    return sorted(labelled | {path.name for path in LABS.glob("*") if path.is_dir()})
