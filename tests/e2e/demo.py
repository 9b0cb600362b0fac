"""The demo's last step: somebody logs in and posts; then what to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.client import Visitor, names
from tests.e2e.cluster import ROOT, Cluster, describe

POSTS = (
    "Hello, fediverse. This post went through nginx, Puma and PgBouncer into PostgreSQL.",
    "Sidekiq put it into this timeline, and whoever has the page open heard of it from the streaming server.",
    "Everything you see here was deployed over SSH from one inventory: ansible-playbook site.yml",
)


@dataclass(frozen=True)
class Login:
    """What a visitor of the demo needs."""

    email: str
    password: str
    authority: Path
    units: str


def overview(cluster: Cluster) -> str:
    """What runs where, one line per host."""
    lines = []
    for name, share in sorted(cluster.hosts.items()):
        parts = [role for role in ("postgres", "minio", "nginx", "pgbouncer", "relay") if role in share["roles"]]
        parts += [f"redis {instance['name']}" for instance in share.get("redis", [])]
        parts += [f"puma :{one['port']} ({one['workers']} x {one['threads']})" for one in share.get("puma", [])]
        parts += [f"streaming :{one['port']}" for one in share.get("streaming", [])]
        parts += [f"sidekiq {one['name']} ({one['threads']})" for one in share.get("sidekiq_workers", [])]
        lines.append(f"  {name:<10} {share['address']:<15} {', '.join(parts)}")
    return "\n".join(lines)


def greet(connection: Path, domain: str, layout: Path = ROOT / "inventories" / "chaos_social") -> Login:
    """Post as the first account through nginx, unless that was done before."""
    cluster = describe(str(layout), str(connection))
    if cluster.settings["web_domain"] != domain:
        raise RuntimeError(f"{connection} deploys {cluster.settings['web_domain']}, not {domain}")
    email, password = cluster.settings["admin"]["email"], cluster.secrets["admin_password"]
    with names(dict.fromkeys(cluster.names, cluster.entry)):
        visitor = Visitor(cluster, email, password)
        for number, text in enumerate(POSTS):
            visitor.api.status_post(text, visibility="public", idempotency_key=f"demo-{number}")
    return Login(email, password, cluster.authority, overview(cluster))
