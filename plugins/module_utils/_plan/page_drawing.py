# GPL-3.0-or-later (see LICENSE)
"""Who talks to whom: hosts below each other, one line beside them for each kind of talk. All lengths in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import page_words as words
from .page_why import Reasons

FOLD_BEYOND = 12  # hosts; from there on those of the same kind share a box
LINE, HEAD, GAP, PADDING = 20, 26, 14, 6
LETTER, BOLD = 6.6, 7.6  # width of a letter in a box, a wide typeface assumed
OUTSIDE, ELSEWHERE = "People, apps, other servers", "Object storage elsewhere"
APP, MIDDLE = "app", "middle"

# Kinds of talk, from left to right: name, and what it is in words.
LANES = {
    "https": "HTTPS from outside to nginx",
    "web": "nginx to Puma and streaming",
    "sql": "SQL to PostgreSQL",
    "redis": "commands to Redis",
    "media": "media to the object store",
}
LABELS = {"https": "HTTPS", "web": "web", "sql": "SQL", "redis": "Redis", "media": "media"}
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """One way to draw it. names: lanes have room for their names side by side."""

    name: str
    width: int
    spacing: int
    names: bool

    @property
    def head(self) -> int:
        """Room for the names of the lanes, upright where they are narrow."""
        return 24 if self.names else 48


FORMS = (Form("narrow", 340, 14, False), Form("wide", 760, 58, True))


@dataclass(frozen=True)
class Service:
    """A line in a box. out, into: kinds of talk that it begins or answers."""

    name: str
    detail: str
    out: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Box:
    """Hosts that are alike, or something outside of the cluster."""

    names: tuple[str, ...]
    size: str
    services: tuple[Service, ...]

    @property
    def height(self) -> int:
        """Title, lines, margin."""
        return HEAD + LINE * len(self.services) + (PADDING if self.services else 0)

    @property
    def label(self) -> str:
        """First and last host; how many first, since the end of a long label is left out."""
        return (f"{len(self.names)} hosts: " if len(self.names) > 1 else "") + words.span(self.names)


def draw(plan: Plan, reasons: Reasons) -> dict[str, Any]:
    """The drawing in each form, and the same in sentences. reasons: for the round trips."""
    boxes = _boxes(plan, reasons)
    return {"forms": [_form(form, boxes) for form in FORMS], "sentences": list(_sentences(boxes))}


def _boxes(plan: Plan, reasons: Reasons) -> list[Box]:
    external = plan["cluster"]["s3_backend"] == "external"
    groups: dict[tuple[str, ...], list[str]] = {}
    fold = len(plan["hosts"]) > FOLD_BEYOND
    for name, host in plan["hosts"].items():
        groups.setdefault(tuple(host["roles"]) if fold else (name,), []).append(name)
    found = [Box((OUTSIDE,), "", (Service("browsers, apps, inboxes", "", ("https",)),))]
    for names in sorted(groups.values(), key=lambda members: _depth(plan["hosts"][members[0]])):
        hosts = [plan["hosts"][name] for name in names]
        found.append(Box(tuple(names), _size(hosts), tuple(_services(hosts, names, reasons, external))))
    if external:
        endpoint = next(host["mastodon"]["s3"]["endpoint"] for host in plan["hosts"].values() if "mastodon" in host)
        found.append(Box((ELSEWHERE,), "", (Service("S3", endpoint.split("//")[-1], into=("media",)),)))
    return found


def _depth(host: Mapping[str, Any]) -> int:
    """Entry first, then the application, then what only keeps data."""
    return 0 if "nginx" in host else 1 if "pgbouncer" in host or "relay" in host else 2


def _size(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Of one host, or of all together."""
    cores = [host["cores"] for host in hosts]
    memory = [host["memory_mb"]["total"] for host in hosts]
    if None in cores or None in memory:
        return "size unknown"
    return f"{words.counted(sum(cores), 'core', 'cores')}, {words.memory(sum(memory))}"


def _services(
    hosts: Sequence[Mapping[str, Any]], names: Sequence[str], reasons: Reasons, external: bool
) -> Iterator[Service]:
    def each(role: str) -> list[Any]:
        return [item for host in hosts for item in host.get(role, ())]

    some = hosts[0]
    stores = ("media",) if external else ()
    direct = () if any("pgbouncer" in host for host in hosts) else ("sql",)
    if any("nginx" in host for host in hosts):
        media = ("media",) if any(host.get("nginx", {}).get("media") for host in hosts) else ()
        yield Service("nginx", "", ("web", *media), ("https",))
    if puma := each("puma"):
        shown = sorted({f"{one['workers']} × {one['threads']}" for one in puma})
        count = f"{len(puma)} × " if len(puma) > 1 and len(shown) == 1 else ""
        detail = f"{count}{shown[0]} threads" if len(shown) == 1 else words.counted(len(puma), "process", "processes")
        yield Service("Puma", detail, (*direct, *stores), ("web",), APP)
    if streaming := each("streaming"):
        yield Service("streaming", words.counted(len(streaming), "process", "processes"), direct, ("web",), APP)
    if units := each("sidekiq_workers"):
        threads = words.counted(sum(unit["threads"] for unit in units), "thread", "threads")
        detail = f"{words.counted(len(units), 'process', 'processes')}, {threads}"
        yield Service("Sidekiq", detail, (*direct, *stores), (), APP)
    trips = [reasons.round_trips(name) for name in names]
    if not direct:
        pools = [pool for host in hosts if "pgbouncer" in host for pool in host["pgbouncer"]["pools"]]
        sums = sum(pool["pool_size"] for pool in pools), sum(pool["reserve"] for pool in pools)
        yield Service("PgBouncer", f"pool {sums[0]} + {sums[1]}" + _away([db for db, _ in trips]), ("sql",), (), MIDDLE)
    if "relay" in some:
        yield Service("relay", "to Redis" + _away([redis for _, redis in trips]), ("redis",), (), MIDDLE)
    if "postgres" in some:
        yield Service("PostgreSQL", f"{some['postgres']['max_connections']} connections", into=("sql",))
    if redis := each("redis"):
        yield Service("Redis", words.counted(len(redis), "process", "processes"), into=("redis",))
    if stored := [host for host in hosts if "minio" in host]:
        yield Service("MinIO", f"bucket {stored[0]['minio']['bucket']}", into=("media",))


def _away(trips: Sequence[float]) -> str:
    """A round trip, or the longest of several."""
    longest = max(trips)
    if not longest:
        return ""
    return f", {'up to ' if len(set(trips)) > 1 else ''}{longest:g} ms"


def _form(form: Form, boxes: Sequence[Box]) -> dict[str, Any]:
    used = [
        lane
        for lane in LANES
        if any(lane in service.out for box in boxes for service in box.services)
        and any(lane in service.into for box in boxes for service in box.services)
    ]
    width = form.width - form.spacing * len(used) - 4
    at = {lane: width + round(form.spacing * (position + 0.7)) for position, lane in enumerate(used)}
    taps: list[dict[str, Any]] = []
    drawn = []
    y = form.head
    for box in boxes:
        drawn.append(_box(box, y, width))
        for position, service in enumerate(box.services):
            middle = y + HEAD + LINE * position + LINE // 2
            taps += _taps(service, middle, width, at)
        y += box.height + GAP
    lanes = []
    for lane in used:
        ends = [tap["y"] for tap in taps if tap["lane"] == lane]
        lanes.append({"lane": lane, "label": LABELS[lane], "x": at[lane], "y1": min(ends), "y2": max(ends)})
    return {
        "name": form.name,
        "width": form.width,
        "height": y - GAP + 4,
        "upright": not form.names,
        "head": form.head,
        "boxes": drawn,
        "lanes": lanes,
        "taps": taps,
    }


def _taps(service: Service, middle: int, width: int, at: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Lines from the box to the lanes. A service that asks and answers has two, so that they can be told apart."""
    out, into = [lane for lane in service.out if lane in at], [lane for lane in service.into if lane in at]
    apart = 4 if out and into else 0
    for lanes, y, inward in ((into, middle - apart, True), (out, middle + apart, False)):
        for lane in lanes:
            yield {"lane": lane, "x1": width, "x2": at[lane], "y": y, "inward": inward}


def _box(box: Box, y: int, width: int) -> dict[str, Any]:
    letters = int((width - 20) / LETTER)
    lines = []
    for position, service in enumerate(box.services):
        room = letters - len(service.name) - 4
        lines.append(
            {
                "name": service.name,
                "detail": words.clipped(service.detail, room),
                "full": service.detail,
                "y": y + HEAD + LINE * position + LINE // 2,
            }
        )
    return {
        "names": list(box.names),
        "outside": not box.size,
        "label": words.clipped(box.label, int((width - 34 - LETTER * len(box.size)) / BOLD)),
        "full": box.label,
        "size": box.size,
        "x": 0,
        "y": y,
        "width": width,
        "height": box.height,
        "lines": lines,
        "inside": _inside(box, y),
    }


def _inside(box: Box, y: int) -> dict[str, Any] | None:
    """The line within a host from its processes to its PgBouncer and its relay."""
    rows: dict[str, list[int]] = {APP: [], MIDDLE: []}
    for position, service in enumerate(box.services):
        if service.part:
            rows[service.part].append(y + HEAD + LINE * position + LINE // 2)
    if not rows[APP] or not rows[MIDDLE]:
        return None
    return {"x": 9, "y1": min(rows[APP]), "y2": max(rows[MIDDLE]), "out": rows[APP], "into": rows[MIDDLE]}


def _sentences(boxes: Sequence[Box]) -> Iterator[dict[str, str]]:
    """The drawing for those who cannot see it."""
    for lane, meaning in LANES.items():
        askers = [f"{service.name} of {box.label}" for box in boxes for service in box.services if lane in service.out]
        servers = [
            f"{service.name} of {box.label}" for box in boxes for service in box.services if lane in service.into
        ]
        if askers and servers:
            yield {"lane": lane, "meaning": meaning, "from": words.listed(askers), "to": words.listed(servers)}
