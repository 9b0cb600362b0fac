"""What is wanted: hosts, their limits, and the spec file of a scenario. Pure: no docker, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import LabError

RELEASES = ("trixie", "bookworm")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
MEMORY = re.compile(r"[1-9][0-9]*[mg]")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[^\s]+)?")
SITE = re.compile(r"[a-z0-9]{1,12}")
MOST_SITES = 8  # their gateways have the addresses 2 to 9 of the plain network
HOST_KEYS = ("memory", "cpus", "release", "site", "bare")
SITE_KEYS = ("nat", "mapping_s", "mtu", "fragments", "delay_ms")
SPEC_KEYS = ("hosts", "packages", "app", "publish", "vars", "cluster", "sites")


@dataclass(frozen=True)
class Host:
    """One host: a name and its limits (empty: none). bare: it has none of the spec's packages."""

    name: str
    memory: str = ""
    cpus: float = 0.0
    release: str = RELEASES[0]
    publish: tuple[tuple[int, int], ...] = ()
    site: str = ""
    bare: bool = False


@dataclass(frozen=True)
class Site:
    """A network behind NAT. mapping_s: how long the gateway remembers an idle UDP mapping; mtu: what it forwards.

    Without fragments it is a hole: what exceeds the MTU is dropped, in pieces too, and nobody is told.
    """

    name: str
    mapping_s: int = 120
    mtu: int = 0
    fragments: bool = True
    delay_ms: int = 0


@dataclass(frozen=True)
class Spec:
    """A spec file after validation."""

    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    app: str = ""
    publish: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    cluster: bool = True
    sites: tuple[Site, ...] = ()


def check_name(name: str) -> str:
    """A lab's name becomes part of container and network names."""
    if not NAME.fullmatch(name):
        raise LabError(
            f"'{name}' cannot be a lab's name; use lower-case letters, digits, '-' and '_', at most 40 characters"
        )
    return name


def make_host(name: str, options: Mapping[str, Any], publish: Mapping[int, int] | None = None) -> Host:
    """A host from its name and options, or a sentence about what is wrong with them."""
    if not HOST.fullmatch(name):
        raise LabError(f"host '{name}': the name is used as host name; use lower-case letters, digits, '-' and '.'")
    unknown = sorted(set(options) - set(HOST_KEYS))
    if unknown:
        raise LabError(f"host '{name}': there is no option '{unknown[0]}'; there are {', '.join(HOST_KEYS)}")
    memory = str(options.get("memory", "")).lower()
    if memory and not MEMORY.fullmatch(memory):
        raise LabError(f"host '{name}': memory '{memory}' is malformed; write it like 512m or 2g")
    try:
        cpus = float(options.get("cpus", 0))
    except (TypeError, ValueError):
        cpus = -1.0
    if not 0 <= cpus <= 1024:
        raise LabError(f"host '{name}': cpus '{options['cpus']}' is malformed; write a number like 1.5")
    release = str(options.get("release", RELEASES[0]))
    if release not in RELEASES:
        raise LabError(f"host '{name}': release '{release}' is unknown; there are {', '.join(RELEASES)}")
    bare = {"true": True, "false": False}.get(str(options.get("bare", False)).lower())
    if bare is None:
        raise LabError(f"host '{name}': bare '{options['bare']}' is neither true nor false")
    site = str(options.get("site") or "")
    return Host(name, memory, cpus, release, tuple(sorted((publish or {}).items())), site, bare)


def make_site(name: str, options: Mapping[str, Any], place: str) -> Site:
    """A site from its name and options, or a sentence about what is wrong with them."""
    if not SITE.fullmatch(name):
        raise LabError(f"{place}: '{name}' cannot be a site's name; use at most 12 lower-case letters and digits")
    unknown = sorted(str(key) for key in set(options) - set(SITE_KEYS))
    if unknown:
        raise LabError(f"{place}: site '{name}' has no option '{unknown[0]}'; there are {', '.join(SITE_KEYS)}")
    for key in ("nat", "fragments"):
        if not isinstance(options.get(key, True), bool):
            raise LabError(f"{place}: site '{name}': {key} '{options[key]}' is neither true nor false")
    if not options.get("nat", True):
        raise LabError(f"{place}: site '{name}': every site is behind NAT; hosts that all can dial are at none")
    figures = {}
    for key, lowest, highest in (("mapping_s", 1, 86_400), ("mtu", 576, 1500), ("delay_ms", 0, 1000)):
        if key in options:
            value = options[key]
            if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
                raise LabError(f"{place}: site '{name}': {key} '{value}' is no number from {lowest} to {highest}")
            figures[key] = value
    return Site(name, fragments=options.get("fragments", True), **figures)


def host_from_text(text: str) -> Host:
    """`main,memory=2g,cpus=1.5` of the command line."""
    name, *pairs = text.split(",")
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise LabError(f"--host {text}: '{pair}' is not KEY=VALUE; write it like {name},memory=2g,cpus=1.5")
        options[key] = value
    return make_host(name, options)


def _mapping(value: Any, place: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LabError(f"{place} must be a mapping; see 'The lab and the scenarios' in docs/interfaces.md")
    return value


def _ports(value: Any, place: str) -> dict[int, int]:
    ports = _mapping(value, place)
    for outer, inner in ports.items():
        for port in (outer, inner):
            if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
                raise LabError(
                    f"{place}: '{outer}: {inner}' is malformed; write PORT_HERE: PORT_OF_THE_HOST, like 8443: 443"
                )
    return ports


def make_spec(document: Any, place: str) -> Spec:
    """A spec from the YAML document of its file."""
    content = _mapping(document, place)
    unknown = sorted(str(key) for key in set(content) - set(SPEC_KEYS))
    if unknown:
        raise LabError(f"{place}: there is no setting '{unknown[0]}'; there are {', '.join(SPEC_KEYS)}")
    packages = content.get("packages") or []
    if not isinstance(packages, list) or not all(
        isinstance(name, str) and PACKAGE.fullmatch(name) for name in packages
    ):
        raise LabError(f"{place}: packages must be a list of names of Debian packages")
    app = content.get("app") or ""
    if app not in ("", "stub"):
        raise LabError(f"{place}: app '{app}' is unknown; the only one is 'stub'")
    hosts = {
        str(name): _mapping(options, f"{place}: hosts.{name}")
        for name, options in _mapping(content.get("hosts"), f"{place}: hosts").items()
    }
    publish = {
        str(name): _ports(ports, f"{place}: publish.{name}")
        for name, ports in _mapping(content.get("publish"), f"{place}: publish").items()
    }
    for name, options in hosts.items():
        _mapping(options.get("vars"), f"{place}: hosts.{name}.vars")
    cluster = content.get("cluster", True)
    if not isinstance(cluster, bool):
        raise LabError(f"{place}: cluster '{cluster}' is neither true nor false")
    sites = tuple(
        make_site(str(name), _mapping(options, f"{place}: sites.{name}"), place)
        for name, options in _mapping(content.get("sites"), f"{place}: sites").items()
    )
    if len(sites) > MOST_SITES:
        raise LabError(f"{place}: {len(sites)} sites do not fit into one lab; {MOST_SITES} do")
    variables = _mapping(content.get("vars"), f"{place}: vars")
    return Spec(hosts, tuple(sorted(set(packages))), app, publish, variables, cluster, sites)


def apply_spec(names: list[str], listed: list[Host], spec: Spec, place: str) -> list[Host]:
    """The hosts of inventory and command line with the spec's limits and ports; a spec may not name others."""
    wanted = {name: make_host(name, {}) for name in names} | {host.name: host for host in listed}
    if not wanted:
        raise LabError("no host is named; pass --inventory with a file that has hosts, or --host NAME")
    if len(wanted) > 200:
        raise LabError(f"{len(wanted)} hosts do not fit into one lab; 200 do")
    for name in [*spec.hosts, *spec.publish]:
        if name not in wanted:
            raise LabError(
                f"{place} names host '{name}', which is not in the inventory ({', '.join(wanted)}); correct the name"
            )
    made = []
    for name, host in wanted.items():
        given = {key: getattr(host, key) for key in HOST_KEYS if getattr(host, key) != getattr(Host, key)}
        limits = {key: value for key, value in spec.hosts.get(name, {}).items() if key != "vars"}
        made.append(make_host(name, {**limits, **given}, spec.publish.get(name)))
    _check_sites(made, [site.name for site in spec.sites], place)
    return made


def _check_sites(hosts: list[Host], sites: list[str], place: str) -> None:
    """Faults name hosts and sites alike, so no name may be both."""
    for host in hosts:
        if host.name in sites:
            raise LabError(f"{place}: '{host.name}' is a host and a site; give the site another name")
        if host.site and host.site not in sites:
            raise LabError(
                f"host '{host.name}': there is no site '{host.site}' ({', '.join(sites) or 'none'}); add it to `sites`"
            )


def fill(value: Any, places: Mapping[str, str]) -> Any:
    """Replace {gateway}, {cache} and {minio} in every string, however deep; leave all other braces alone."""
    if isinstance(value, str):
        for name, text in places.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, places) for item in value]
    return value
