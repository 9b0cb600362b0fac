"""Whether a host gets in at each service with what its own environment file says, tried from that host."""

from __future__ import annotations

import shlex

from tests.e2e.cluster import Cluster
from tests.e2e.hosts import host

ENV = "/opt/mastodon/shared/.env.production"
# Debian's own programs; passwords go by the environment, so that no process list shows them.
TRY = """
set -a; . {env}; set +a
case {door} in
  postgresql) PGPASSWORD=$DB_PASS psql -XAtq -w -h {database} -p {port} -U "$DB_USER" -d "$DB_NAME" -c 'SELECT 1' ;;
  pgbouncer) PGPASSWORD=$DB_PASS psql -XAtq -w -h "$DB_HOST" -p "$DB_PORT" -U "$DB_USER" -d "$DB_NAME" -c 'SELECT 1' ;;
  redis-*) REDISCLI_AUTH=$REDIS_PASSWORD redis-cli -e -h {redis} -p {redis_port} --user "$REDIS_USER" ping ;;
  media) curl -sS --fail-with-body --aws-sigv4 "aws:amz:$S3_REGION:s3" -K - -o /dev/null -w '%{{http_code}}' \
    -X PUT --data-binary probe "$S3_ENDPOINT/$S3_BUCKET/probe-$(hostname)" <<END
user = "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"
END
  ;;
esac
"""


def doors(cluster: Cluster) -> list[str]:
    """Names of the doors."""
    redis = cluster.hosts[cluster.settings["hosts"]["redis"]]["redis"]
    return ["postgresql", "pgbouncer", *(f"redis-{one['name']}" for one in redis), "media"]


def knock(cluster: Cluster, name: str, door: str) -> str:
    """Empty when the host gets in; else what it was told."""
    servers = cluster.settings["hosts"]
    database, redis = cluster.hosts[servers["postgres"]], cluster.hosts[servers["redis"]]
    ports = {f"redis-{one['name']}": one["port"] for one in redis["redis"]}
    script = TRY.format(
        env=ENV,
        door=door,
        database=database["address"],
        port=database["postgres"]["port"],
        redis=redis["address"],
        redis_port=ports.get(door, 0),
    )
    done = host(cluster, name).run(f"timeout 20 bash -c {shlex.quote(script)} 2>&1")
    return "" if done.rc == 0 else (done.stdout.strip() or f"exit code {done.rc}")
