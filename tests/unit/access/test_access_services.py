"""A worker at Redis, at its pooler, and at a firewall."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_fakes import Answer, Host, Redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._join import access_firewall, access_pgbouncer
from ansible_collections.fediverse.mastodon.plugins.module_utils._join.access import Grant
from ansible_collections.fediverse.mastodon.plugins.module_utils._redis import instance
from ansible_collections.fediverse.mastodon.plugins.module_utils._shell import Changes, Refusal
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import access_firewall as firewall
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker import access_pgbouncer as pgbouncer
from ansible_collections.fediverse.mastodon.plugins.module_utils._worker.access_redis import RedisAccess

PI1 = Grant("pi1", "10.66.0.7/32", "mastodon_pi1")
ALIKE = Grant("pi1", "10.66.0.7/32", "")
PASSWORD = Secret("pw")
DIGEST = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"


def nothing(argv: tuple[str, ...], text: str) -> Answer:
    raise AssertionError(argv)


# --- Redis


@pytest.fixture(params=[7, 8])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Redis]]:
    found = {name: Redis(version=request.param) for name in ("base", "cache")}
    for name, one in found.items():
        this = instance.Instance(name, one.port, ("127.0.0.1",), "noeviction", True)
        text = instance.render(instance.settings(this, "admin", {}), f"{tmp_path}/mastodon-{name}.users")
        (tmp_path / f"mastodon-{name}.conf").write_text(text)
    yield found
    for one in found.values():
        one.close()


def redis(tmp_path: Path, state: str, grant: Grant = PI1, check: bool = False) -> Changes:
    changes = Changes()
    place = RedisAccess(Host(nothing, check), changes, grant, ["base", "cache"], PASSWORD, str(tmp_path))
    getattr(place, state)()
    return changes


def test_a_user_is_set_in_every_instance_now_and_for_the_next_start(tmp_path: Path, servers: dict[str, Redis]) -> None:
    foretold = redis(tmp_path, "present", check=True).actions
    assert not any(one.users for one in servers.values()) and not list(tmp_path.glob("*.users"))
    assert redis(tmp_path, "present").actions == foretold
    for name, one in servers.items():
        assert one.users["mastodon_pi1"]["hash"] == DIGEST
        text = (tmp_path / f"mastodon-{name}.users" / "mastodon_pi1.conf").read_text()
        assert text.splitlines()[-1] == f"user mastodon_pi1 on #{DIGEST} ~* &* +@all -@admin -@dangerous +info +keys"
    assert redis(tmp_path, "present").actions == []


def test_a_user_that_drifted_is_corrected(tmp_path: Path, servers: dict[str, Redis]) -> None:
    redis(tmp_path, "present")
    servers["base"].users["mastodon_pi1"]["rules"].append("+flushall")
    servers["cache"].users["mastodon_pi1"]["on"] = False
    assert redis(tmp_path, "present").actions == [
        "correct user mastodon_pi1 of Redis base",
        "correct user mastodon_pi1 of Redis cache",
    ]
    assert redis(tmp_path, "present").actions == []


def test_removal_ends_connections_and_leaves_no_user_and_no_file(tmp_path: Path, servers: dict[str, Redis]) -> None:
    redis(tmp_path, "present")
    servers["base"].connections["mastodon_pi1"] = 4
    foretold = redis(tmp_path, "absent", check=True).actions
    assert redis(tmp_path, "absent").actions == foretold != []
    assert not any(one.users or one.connections for one in servers.values())
    assert not list(tmp_path.glob("*.users/*"))
    told = [words[:2] for words in servers["base"].log[-3:]]
    assert told == [("ACL", "SETUSER"), ("CLIENT", "KILL"), ("ACL", "DELUSER")]
    assert redis(tmp_path, "absent").actions == []


def test_an_instance_that_would_forget_is_refused_before_any_is_changed(
    tmp_path: Path, servers: dict[str, Redis]
) -> None:
    file = tmp_path / "mastodon-cache.conf"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("include")))
    with pytest.raises(Refusal, match="Redis cache would forget mastodon_pi1 at its next start"):
        redis(tmp_path, "present")
    assert not servers["base"].users


def test_an_instance_that_is_down_is_named_before_any_is_changed(tmp_path: Path, servers: dict[str, Redis]) -> None:
    servers["cache"].password = "changed by hand"
    with pytest.raises(Refusal, match=r"Redis cache: 127.0.0.1:\d+: WRONGPASS .* run role redis"):
        redis(tmp_path, "present")
    assert not servers["base"].users


def test_a_shared_password_cannot_be_taken_back(tmp_path: Path, servers: dict[str, Redis]) -> None:
    gone = redis(tmp_path, "absent", ALIKE)
    assert gone.actions == [] and "until redis_password is changed" in gone.notes[0]


# --- PgBouncer


class Pooler:
    """A pooler that reads its file when it is reloaded."""

    def __init__(self, userlist: Path) -> None:
        self.userlist, self.known, self.active, self.deaf = userlist, {"mastodon": "x"}, True, False

    def run(self, argv: tuple[str, ...], text: str) -> Answer:
        if argv[:2] == ("systemctl", "is-active"):
            return (0, "active\n", "") if self.active else (3, "inactive\n", "")
        if argv[:2] == ("systemctl", "reload"):
            self.known = self.known if self.deaf else access_pgbouncer.entries(self.userlist.read_text())
            return 0, "", ""
        assert argv[0] == "psql" and argv[-1] == "SHOW USERS", argv
        return 0, "name|pool_mode\n" + "".join(f"{name}|\n" for name in self.known), ""


@pytest.fixture
def pooler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pooler:
    monkeypatch.setattr(pgbouncer, "USERLIST", str(tmp_path / "userlist.txt"))
    monkeypatch.setattr(pgbouncer, "INI", str(tmp_path / "pgbouncer.ini"))
    monkeypatch.setattr(pgbouncer, "TAKEN_DEADLINE", 0.1)
    (tmp_path / "userlist.txt").write_text('"mastodon" "shared"\n')
    return Pooler(tmp_path / "userlist.txt")


def pool(pooler: Pooler, state: str, check: bool = False) -> Changes:
    changes = Changes()
    getattr(pgbouncer.PgbouncerAccess(Host(pooler.run, check), changes, PI1, PASSWORD), state)()
    return changes


def test_an_entry_is_added_by_reload_and_seen(pooler: Pooler) -> None:
    foretold = pool(pooler, "present", check=True).actions
    assert pooler.known == {"mastodon": "x"}
    assert pool(pooler, "present").actions == foretold
    assert pooler.known == {"mastodon": "shared", "mastodon_pi1": "pw"}
    assert pool(pooler, "present").actions == []
    assert pool(pooler, "absent").actions == foretold
    assert pooler.userlist.read_text() == '"mastodon" "shared"\n'
    assert pool(pooler, "absent").actions == []


def test_a_pooler_that_does_not_take_it_is_told(pooler: Pooler) -> None:
    pooler.deaf = True
    with pytest.raises(Refusal, match="PgBouncer was reloaded, but does not know mastodon_pi1"):
        pool(pooler, "present")


def test_a_stopped_pooler_reads_it_later(pooler: Pooler) -> None:
    pooler.active = False
    done = pool(pooler, "present")
    assert done.notes == ["PgBouncer does not run here: the entry counts when it starts."]
    assert not any(action.startswith("reload") for action in done.actions)


def test_a_userlist_written_by_hand_is_kept_or_refused_without_its_text(pooler: Pooler) -> None:
    pooler.userlist.write_text('; by hand\n"we""ird" "p""w"\n"hash" "SCRAM-SHA-256$4096:a$b:c"\n')
    pool(pooler, "present")
    assert access_pgbouncer.entries(pooler.userlist.read_text())['we"ird'] == 'p"w'
    pooler.userlist.write_text("mastodon topsecret\n")
    with pytest.raises(Refusal, match="line 1, is no entry") as refused:
        pool(pooler, "present")
    assert "topsecret" not in str(refused.value)


# --- firewall


class Nft:
    """nftables in JSON, as `nft -j` prints it."""

    def __init__(self, ours: bool, chains: list[dict[str, str]]) -> None:
        self.sets: dict[str, set[str]] | None = {"clients4": {"10.0.0.1 . 5432"}, "clients6": set()} if ours else None
        self.chains = chains

    def run(self, argv: tuple[str, ...], text: str) -> Answer:
        if argv[1:4] == ("-j", "list", "chains"):
            return 0, json.dumps({"nftables": [{"chain": one} for one in self.chains]}), ""
        if argv[1:4] == ("-j", "list", "table"):
            if self.sets is None:
                return 1, "", "Error: No such file or directory"
            sets = [
                {
                    "set": {
                        "name": name,
                        "elem": [{"concat": [each.split(" . ")[0], int(each.split(" . ")[1])]} for each in one],
                    }
                }
                for name, one in self.sets.items()
            ]
            return 0, json.dumps({"nftables": [{"metainfo": {}}, {"table": {}}, *sets]}), ""
        verb, name, elements = argv[1], argv[5], set(argv[6].strip("{} ").split(", "))
        assert self.sets is not None and argv[2:5] == ("element", "inet", "mastodon")
        if verb == "add":
            self.sets[name] |= elements
        else:
            assert elements <= self.sets[name]
            self.sets[name] -= elements
        return 0, "", ""


@pytest.fixture
def wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(access_firewall, "DIRECTORY", str(tmp_path / "firewall.d"))
    monkeypatch.setattr(firewall.shutil, "which", lambda *_, **__: "/usr/sbin/nft")
    return tmp_path / "firewall.d" / "pi1.nft"


def guard(nft: Nft, state: str, ports: list[int], check: bool = False) -> Changes:
    changes = Changes()
    getattr(firewall.FirewallAccess(Host(nft.run, check), changes, PI1, ports), state)()
    return changes


def test_a_managed_firewall_is_opened_and_closed_for_one_address(wall: Path) -> None:
    nft = Nft(True, [])
    foretold = guard(nft, "present", [6379, 5432], check=True).actions
    assert nft.sets == {"clients4": {"10.0.0.1 . 5432"}, "clients6": set()} and not wall.exists()
    assert guard(nft, "present", [6379, 5432]).actions == foretold
    assert nft.sets["clients4"] == {"10.0.0.1 . 5432", "10.66.0.7 . 5432", "10.66.0.7 . 6379"}
    assert wall.read_text().splitlines()[-1] == (
        "add element inet mastodon clients4 { 10.66.0.7 . 5432, 10.66.0.7 . 6379 }"
    )
    assert guard(nft, "present", [6379, 5432]).actions == []
    guard(nft, "present", [6379])
    assert nft.sets["clients4"] == {"10.0.0.1 . 5432", "10.66.0.7 . 6379"}
    guard(nft, "absent", [6379])
    assert nft.sets["clients4"] == {"10.0.0.1 . 5432"} and not wall.exists()
    assert guard(nft, "absent", [6379]).actions == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_firewall_that_is_not_ours_is_named_and_left_alone(wall: Path, state: str) -> None:
    chain = {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "drop"}
    told = guard(Nft(False, [chain]), state, [5432])
    assert told.actions == [] and not wall.exists()
    assert told.notes == [
        "this host filters what comes in by inet filter input (policy drop), which is not ours and is left alone:"
        " what lets 10.66.0.7/32 reach TCP 5432 is to be added or removed there."
    ]


def test_a_host_without_a_firewall_says_so(wall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall.shutil, "which", lambda *_, **__: None)
    told = guard(Nft(False, []), "present", [5432])
    assert told.actions == []
    assert told.notes == ["nothing manages a firewall on this host: nothing to open or to close for pi1."]
