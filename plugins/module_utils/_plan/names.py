# GPL-3.0-or-later (see LICENSE)
"""The words of an inventory: groups, queues, settings. Everything the plan reads of a host is listed here."""

from __future__ import annotations

ROLE_GROUPS = ("postgres", "pgbouncer", "redis", "minio", "puma", "streaming", "sidekiq_workers", "nginx")
APP_GROUPS = ("puma", "streaming", "sidekiq_workers")
ONE_HOST = ("postgres", "redis")
REQUIRED_GROUPS = ("postgres", "redis", "puma", "streaming", "sidekiq_workers", "nginx")

# What people call these groups elsewhere.
GROUP_SYNONYMS = {
    "db": "postgres",
    "database": "postgres",
    "postgresql": "postgres",
    "cache": "redis",
    "valkey": "redis",
    "media": "minio",
    "object_storage": "minio",
    "s3": "minio",
    "app": "puma",
    "rails": "puma",
    "web": "puma",
    "sidekiq": "sidekiq_workers",
    "worker": "sidekiq_workers",
    "workers": "sidekiq_workers",
    "lb": "nginx",
    "loadbalancer": "nginx",
    "proxy": "nginx",
}

QUEUES = ("default", "push", "ingress", "mailers", "pull", "fasp", "scheduler")
SCHEDULER = "scheduler"

# Debian's names of what Mastodon is built for.
ARCHITECTURES = ("amd64", "arm64")

# One value for the whole cluster.
CLUSTER_SETTINGS = (
    "mastodon_active_share",
    "mastodon_admin_email",
    "mastodon_admin_username",
    "mastodon_backlog",
    "mastodon_backlog_deadline_s",
    "mastodon_breaker_pool",
    "mastodon_domain",
    "mastodon_firewall",
    "mastodon_job_profile",
    "mastodon_media_domain",
    "mastodon_monthly_active_users",
    "mastodon_network",
    "mastodon_preset",
    "mastodon_replica",
    "mastodon_s3",
    "mastodon_s3_backend",
    "mastodon_slow_share",
    "mastodon_source",
    "mastodon_tls",
    "mastodon_trusted_proxies",
    "mastodon_version",
    "mastodon_web_domain",
    "mastodon_worker_identity",
)

# Read on the one host of a group, wherever the inventory puts them.
POSTGRES_SETTINGS = ("mastodon_postgres_max_connections", "mastodon_postgres_version")

# May differ from host to host.
HOST_SETTINGS = (
    "mastodon_address",
    "mastodon_architecture",
    "mastodon_cpu_steal",
    "mastodon_cpus",
    "mastodon_db_rtt_ms",
    "mastodon_disk",
    "mastodon_memory_mb",
    "mastodon_network_interface",
    "mastodon_node",
    "mastodon_pgbouncer",
    "mastodon_ports",
    "mastodon_puma",
    "mastodon_redis_rtt_ms",
    "mastodon_ruby",
    "mastodon_shared_cpu",
    "mastodon_sidekiq_queues",
    "mastodon_sidekiq_workers",
    "mastodon_streaming",
    "mastodon_unit_memory_mb",
    "mastodon_worker_epoch",
)

# Dictionaries of which only the keys are looked at: their values may be secrets or cost a look-up.
KEYS_ONLY = ("mastodon_environment", "mastodon_smtp")

# Values of mastodon_s3 that never enter the plan, only whether they are there.
S3_SECRETS = ("access_key", "secret_key")

# Variables called wireguard_* that the role reads itself; the others are the tunnel's (_wire/read.py).
TUNNEL_ROLE_SETTINGS = (
    "wireguard_adopt",
    "wireguard_allow_disruption",
    "wireguard_hosts",
    "wireguard_members",
    "wireguard_preshared",
    "wireguard_preshared_epoch",
    "wireguard_preshared_seed",
    "wireguard_purge_foreign",
    "wireguard_registry_file",
    "wireguard_rotation_leave_unmanaged",
    "wireguard_rotation_port",
    "wireguard_settings",
    "wireguard_verify_timeout",
)

# Settings that roles read and the plan does not.
OTHER_SETTINGS = (
    "mastodon_build_environment",
    "mastodon_extra_packages",
    "mastodon_keep_releases",
    "mastodon_secrets_file",
)

# Written by us during a run, or given on the command line.
OUR_OWN = (
    "mastodon_host",
    "mastodon_plan",
    "mastodon_plan_file",
    "mastodon_plan_html",
    "mastodon_plan_why",
    "mastodon_secrets",
    "mastodon_test_ca",
    "mastodon_what_if",
)

READ = CLUSTER_SETTINGS + POSTGRES_SETTINGS + HOST_SETTINGS + KEYS_ONLY
KNOWN = frozenset(READ + OTHER_SETTINGS + OUR_OWN)

# Facts that stand in for what is not declared.
FACTS = ("processor_vcpus", "memtotal_mb")
# Settings that stand in for what is not declared, measured before a host's first join and kept beside the inventory.
MEASURED = ("mastodon_db_rtt_ms", "mastodon_redis_rtt_ms")

# Must be in the environment of one kind of process only; in the shared file they change the others as well.
PER_PROCESS = {
    "BIND": "the plan chooses each process' address; in the shared file the streaming processes read it too",
    "DB_POOL": "it would resize the pool of every Sidekiq and streaming process; give threads or db_pool to the unit",
    "MAX_THREADS": "Puma reads it from its own environment only, while the pools take it from the file;"
    " write mastodon_puma.threads",
    "PORT": "every process would claim the same port; write mastodon_ports",
    "REDIS_NAMESPACE": "Mastodon refuses to start when it is set",
    "SIDEKIQ_CONCURRENCY": "the units pass their threads themselves; write mastodon_sidekiq_workers[].threads",
    "SOCKET": "Puma and streaming would fight over one socket; the plan gives each its port",
    "WEB_CONCURRENCY": "Puma reads it from its own environment only; write mastodon_puma.workers",
}

SMTP_KEYS = (
    "auth_method",
    "ca_file",
    "delivery_method",
    "domain",
    "enable_starttls",
    "enable_starttls_auto",
    "from_address",
    "login",
    "open_timeout",
    "openssl_verify_mode",
    "password",
    "port",
    "read_timeout",
    "reply_to",
    "return_path",
    "server",
    "ssl",
    "tls",
)

# Top folders of the bucket that anybody may read; backups/ (take-out archives) is not among them.
PUBLIC_PREFIXES = (
    "accounts",
    "cache",
    "custom_emojis",
    "media_attachments",
    "preview_card_providers",
    "preview_cards",
    "site_uploads",
)
