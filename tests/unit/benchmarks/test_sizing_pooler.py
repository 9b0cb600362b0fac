# GPL-3.0-or-later (see LICENSE)
"""The benchmark's pooler follows the one that the role writes."""

from __future__ import annotations

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils import _pgbouncer

from benchmarks.sizing.agent import pooler

SETTINGS = {"auth_type": "scram-sha-256", "auth_file": "/etc/pgbouncer/userlist.txt", "pool_mode": "transaction"}
SETTINGS |= {"listen_port": "6432", "listen_addr": "127.0.0.1", "max_client_conn": "400", "default_pool_size": "20"}
DEPLOYED = _pgbouncer.render_ini(SETTINGS, [_pgbouncer.Pool("mastodon_production", "10.40.0.13", 5432, 20, 5)])


def test_the_server_of_what_the_role_writes_is_found() -> None:
    assert pooler.server_of(DEPLOYED) == ("10.40.0.13", 5432)
    with pytest.raises(ValueError, match="names no server"):
        pooler.server_of("[databases]\n")


def test_server_pool_and_port_change_and_nothing_else() -> None:
    found = pooler.ini(DEPLOYED, ("127.0.0.1", 25432), 60, 26432)
    assert pooler.server_of(found) == ("127.0.0.1", 25432)
    assert found.count("pool_size=60 reserve_pool=0") == 1
    settings = dict(line.split(" = ", 1) for line in found.splitlines() if " = " in line and "host=" not in line)
    assert settings["listen_port"] == "26432"
    assert "default_pool_size" not in settings
    kept = {key: value for key, value in SETTINGS.items() if key in ("auth_type", "auth_file", "pool_mode")}
    assert {key: settings[key] for key in kept} == kept
