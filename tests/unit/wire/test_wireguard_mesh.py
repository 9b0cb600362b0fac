"""The module wireguard_mesh against a kernel that obeys `wg` and `ip`: check mode, a run, a second run, refusals."""

from __future__ import annotations

import grp
import json
import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import host as tunnel
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import key as keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._tunnel import links, mesh
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.model import Secret
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.wgfile import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._wire.x25519 import public_key
from ansible_collections.fediverse.mastodon.plugins.modules import wireguard_mesh
from tunnel_host import TunnelHost
from wire_cases import host, key

HOSTS = {"a": host(1), "b": host(2), "c": host(3, routed_networks=["192.168.7.0/24"])}
PSK = {name: key(f"psk {name}") for name in HOSTS}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TunnelHost:
    """Host a, with its key, without a tunnel; everybody answers with whole packets."""
    place = tmp_path / "wireguard"
    place.mkdir(mode=0o700)
    (place / "wg0.key").write_text(keys.generate().reveal())
    (place / "wg0.key").chmod(0o600)
    found = TunnelHost(place / "wg0.conf", place / "wg0.key", int(time.time()))
    found.reach = {f"10.66.0.{number}": 1500 for number in range(2, 9)}
    for name, value in {"tcp": "1", "ipv6/conf/all/disable_ipv6": "0", "ipv4/ip_forward": "1"}.items():
        path = tmp_path / "net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    monkeypatch.setattr(keys, "DIRECTORY", str(place))
    monkeypatch.setattr(keys, "MACHINE_ID", str(tmp_path / "machine-id"))
    monkeypatch.setattr(keys, "OWNER", pwd.getpwuid(os.getuid()).pw_name)
    monkeypatch.setattr(keys, "GROUP", grp.getgrgid(os.getgid()).gr_name)
    monkeypatch.setattr(tunnel, "SYSCTL", str(tmp_path / "net"))
    monkeypatch.setattr(mesh, "LOCKS", str(tmp_path))
    monkeypatch.setattr(mesh, "ping", found.ping)
    monkeypatch.setattr(links, "PAUSE", 0.0)
    monkeypatch.setattr(mesh.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(
        basic.AnsibleModule, "run_command", lambda module, args, **options: found.run_command(module, args, **options)
    )
    return found


@pytest.fixture
def run(machine: TunnelHost, capsys: pytest.CaptureFixture[str]) -> Run:
    """One call as host a. No secret is in its answer, nor in a command."""

    def call(*, check: bool = False, **params: Any) -> dict[str, Any]:
        hosts = params.pop("hosts", HOSTS)
        given = {
            "name": "a",
            "network": {"networks": ["10.66.0.0/24"]},
            "hosts": hosts,
            "public_keys": {name: key(name) for name in hosts if name != "a"},
            "verify_timeout": 0,
            "verify_first": 0,
            **params,
        }
        with (
            patch_module_args({**given, "_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            wireguard_mesh.main()
        text = capsys.readouterr().out
        secrets = [*PSK.values(), machine.key_file.read_text().strip() if machine.key_file.exists() else "PRIVATE"]
        assert not [one for one in secrets if one in text or any(one in " ".join(argv) for argv in machine.told)]
        answer: dict[str, Any] = json.loads(text)
        # For Ansible that word says that the task itself never reached its host.
        assert "unreachable" not in answer
        return answer

    return call


def thrice(machine: TunnelHost, run: Run, **params: Any) -> dict[str, Any]:
    """Check mode touches nothing and says what the run does; the second run does nothing."""
    before, text = len(machine.calls), machine.conf.read_text() if machine.conf.exists() else None
    foreseen = run(check=True, **params)
    assert len(machine.calls) == before
    assert (machine.conf.read_text() if machine.conf.exists() else None) == text
    done = run(**params)
    assert foreseen["actions"] == done["actions"] and foreseen["diff"] == done["diff"]
    calls = len(machine.calls)
    again = run(**params)
    assert again["actions"] == [] and not again["changed"] and len(machine.calls) == calls
    return done


def up(machine: TunnelHost, run: Run, **params: Any) -> None:
    """The tunnel runs."""
    run(**params)
    assert machine.kernel and machine.active and machine.enabled
    machine.calls.clear()


def test_a_tunnel_from_nothing(machine: TunnelHost, run: Run) -> None:
    own = public_key(Secret(machine.key_file.read_text()))
    done = thrice(machine, run, preshared_keys={key("b"): PSK["b"]})
    unit = "wg-quick@wg0.service"
    assert done["actions"] == [
        f"write {machine.conf}",
        f"start {unit}: the interface does not exist",
        f"enable {unit}",
    ]
    assert machine.calls == [("systemctl", "start", unit), ("systemctl", "enable", unit)]
    assert machine.conf.stat().st_mode & 0o777 == 0o600
    assert (done["mtu"], done["public_key"], done["backend"]) == (1420, own, "userspace")
    assert done["silent"] == [] and done["pending"] == [] and done["notes"] == []
    assert done["peers"][0] == {
        **{"name": "b", "address": "10.66.0.2", "path": "direct", "public_key": key("b")},
        **{"endpoint": "192.0.2.2:51820", "handshake_age": done["peers"][0]["handshake_age"]},
        **{"sent": 92, "received": 148, "rtt_ms": 1.5, "full_mtu": True, "passes": 1420},
        **{"allowed": True, "routed": True},
    }
    assert 10 <= done["peers"][0]["handshake_age"] <= 12
    assert machine.kernel and machine.kernel.peers[key("b")]["psk"] == Secret(PSK["b"])
    assert machine.kernel.routes == {"192.168.7.0/24"}


def test_what_looks_after_the_interface_runs_with_it(machine: TunnelHost, run: Run) -> None:
    timer = "mastodon-tunnel-watch@wg0.timer"
    assert thrice(machine, run, watch=timer)["actions"][-1] == f"enable and start {timer}"
    machine.others.clear()
    assert thrice(machine, run, watch=timer)["actions"] == [f"enable and start {timer}"]


def test_a_look_before_a_run_proves_what_stays_and_nothing_else(machine: TunnelHost, run: Run) -> None:
    """A silent peer is told by the look alone, unless the run is about to change something anyway."""
    up(machine, run)
    del machine.reach["10.66.0.2"]
    look = run(check=True, verify_unchanged=True)
    assert (look["actions"], look["silent"]) == ([], ["b"])
    machine.kernel.peers.clear()
    look = run(check=True, verify_unchanged=True)
    assert look["actions"] and look["silent"] == [] and not [text for text in look["notes"] if "answer" in text]


def test_a_look_before_a_run_finds_a_path_that_became_smaller(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.reach["10.66.0.3"] = 1344
    look = run(check=True, verify_unchanged=True)
    assert "MTU 1420 -> 1344" in look["actions"]


def test_the_diff_hides_keys(machine: TunnelHost, run: Run) -> None:
    (diff,) = run(preshared_keys={key("b"): PSK["b"]})["diff"]
    assert "PrivateKey = (hidden, new)" in diff["after"] and "PresharedKey = (hidden, new)" in diff["after"]


def test_a_new_host_joins_live_and_the_file_follows(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    order: list[str] = []
    real = machine.run_command

    def spy(module: Any, args: Any, **options: Any) -> tuple[int, str, str]:
        if tuple(args[:2]) == ("wg", "set"):
            order.append("file was old" if key("d") not in machine.conf.read_text() else "file was new")
        return real(module, args, **options)

    machine.run_command = spy  # type: ignore[method-assign]
    done = thrice(machine, run, hosts={**HOSTS, "d": host(4)})
    assert order == ["file was old"]
    assert [call[:5] for call in machine.calls] == [("wg", "set", "wg0", "peer", key("d"))]
    assert done["actions"][-1] == f"write {machine.conf}"


def test_drift_is_repaired(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    assert machine.kernel
    del machine.kernel.peers[key("b")]
    machine.kernel.peers[key("c")]["allowed"] = {"10.66.0.3/32"}
    machine.kernel.addresses, machine.kernel.routes, machine.kernel.mtu = [], set(), 1300
    done = thrice(machine, run)
    assert done["actions"] == [
        "peer b: added, AllowedIPs +10.66.0.2/32, endpoint 192.0.2.2:51820, keepalive 25 s",
        "peer c: AllowedIPs +192.168.7.0/24",
        "MTU 1300 -> 1420",
        "address 10.66.0.1/24 added",
        "route 192.168.7.0/24 added",
    ]


def test_a_dead_wireguard_go_is_restarted(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.kernel = None
    done = thrice(machine, run)
    assert done["actions"] == [
        "restart wg-quick@wg0.service: the unit is active but the interface is gone",
    ]


def test_a_unit_that_starts_nothing_is_named(machine: TunnelHost, run: Run) -> None:
    machine.dead_on_start = True
    assert "does not exist after the start of wg-quick@wg0.service" in run()["msg"]
    machine.dead_on_start, machine.active = False, False
    machine.broken[("systemctl", "start")] = "Job failed."
    assert "Job failed.\nIts journal ends with:\nthe end of the journal" in run()["msg"]


def test_a_kernel_interface_is_told_from_wireguard_go(machine: TunnelHost, run: Run) -> None:
    machine.kind = "wireguard"
    assert run()["backend"] == "kernel"


def test_an_interface_of_another_kind_is_refused(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.broken[("wg", "show")] = "Unable to access interface: Operation not supported"
    assert "is no WireGuard interface" in run()["msg"] and machine.calls == []


def test_preshared_keys_are_set_changed_and_cleared(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    assert "peer b: preshared key set" in thrice(machine, run, preshared_keys={key("b"): PSK["b"]})["actions"]
    thrice(machine, run, preshared_keys={key("b"): PSK["c"]})
    assert machine.kernel and machine.kernel.peers[key("b")]["psk"] == Secret(PSK["c"])
    assert "peer b: preshared key cleared" in thrice(machine, run)["actions"]
    assert machine.kernel.peers[key("b")]["psk"] is None and "PresharedKey" not in machine.conf.read_text()


def test_what_this_run_does_not_know_stays(machine: TunnelHost, run: Run) -> None:
    up(machine, run, preshared_keys={key("b"): PSK["b"], key("c"): PSK["c"]})
    limited = run(public_keys={"c": key("c")}, preshared_keys={key("c"): PSK["c"]})
    assert limited["actions"] == [] and machine.calls == []


def test_a_host_without_a_key_is_pending(machine: TunnelHost, run: Run) -> None:
    done = thrice(machine, run, public_keys={"b": key("b")})
    assert done["pending"] == ["c"] and "c has no known public key yet" in done["notes"][0]
    assert done["peers"][1]["public_key"] == "" and done["silent"] == []


def test_a_removed_host_loses_its_block(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    left = {name: one for name, one in HOSTS.items() if name != "b"}
    done = thrice(machine, run, hosts=left, removed=[{"name": "b", "public_keys": [key("b")]}])
    assert done["actions"] == ["peer b: removed", f"write {machine.conf}"]
    assert key("b") not in machine.conf.read_text()


def test_what_interrupts_others_has_to_be_allowed(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    moved = {**HOSTS, "a": host(1, listen_port=51900)}
    text = machine.conf.read_text()
    refused = run(hosts=moved)
    assert "listen port 51820 -> 51900" in refused["msg"] and "wireguard_allow_disruption" in refused["msg"]
    assert machine.calls == [] and machine.conf.read_text() == text
    assert "listen port 51820 -> 51900" in thrice(machine, run, hosts=moved, allow_disruption=True)["actions"]


def test_another_key_switches_live(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.key_file.write_text(keys.generate().reveal())
    assert "own key" in run()["msg"]
    thrice(machine, run, allow_disruption=True)
    file = parse(machine.conf.read_text())
    assert file.private_key == Secret(machine.key_file.read_text())


def test_a_stray_interface_with_another_key_has_to_go_first(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.active, machine.enabled = False, False
    assert machine.kernel
    machine.kernel.key = key("stranger")
    assert "it runs without its unit and with another key" in run()["msg"]
    done = thrice(machine, run, allow_disruption=True)
    assert done["actions"][0] == "delete wg0: it runs without its unit and with another key"
    assert machine.active and machine.enabled


def test_an_interface_without_its_unit_is_used_as_it_runs(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.active = machine.enabled = False
    assert thrice(machine, run)["actions"] == ["enable wg-quick@wg0.service"]


def test_a_foreign_file_is_taken_over_after_a_copy(machine: TunnelHost, run: Run) -> None:
    secret = machine.key_file.read_text()
    text = (
        f"[Interface]\nAddress = 10.66.0.1/24\nPrivateKey = {secret}\nPostUp = secret-hook\nListenPort = 51820\n\n"
        f"[Peer]\n# Name = b\nPublicKey = {key('b')}\nAllowedIPs = 10.66.0.2/32\n\n"
        f"[Peer]\nPublicKey = {key('phone')}\nAllowedIPs = 10.66.0.99/32\n"
    )
    machine.conf.write_text(text)
    refused = run()
    assert "somebody else wrote it (2 peers; it also sets PostUp)" in refused["msg"] and machine.calls == []
    done = thrice(machine, run, adopt=True)
    copy = machine.conf.with_name("wg0.conf.foreign")
    assert copy.read_text() == text and copy.stat().st_mode & 0o777 == 0o600
    assert key("phone") in machine.conf.read_text() and "PostUp" not in machine.conf.read_text()
    assert "PostUp" in str(done["notes"]) and "secret-hook" not in json.dumps(done)
    run(purge_foreign=True)
    assert key("phone") not in machine.conf.read_text()
    assert machine.kernel and key("phone") not in machine.kernel.peers


def test_check_mode_before_the_key_was_taken_over(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    secret = machine.key_file.read_text()
    machine.key_file.unlink()
    assert run(check=True)["actions"] == []
    assert "run wireguard_key first" in run()["msg"]
    machine.key_file.write_text(secret)


def test_check_mode_before_the_key_was_made(machine: TunnelHost, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.key_file.unlink()
    monkeypatch.setattr(mesh.shutil, "which", lambda _tool: None)
    assert run(check=True)["actions"][0] == f"write {machine.conf}"
    assert "wg is not installed" in run()["msg"] and machine.calls == []


def test_the_mtu_begins_with_what_the_way_carries(machine: TunnelHost, run: Run) -> None:
    machine.outer_mtu = 1400
    assert thrice(machine, run)["mtu"] == 1320


def test_an_mtu_that_does_not_pass_is_taken_down_and_said(machine: TunnelHost, run: Run) -> None:
    machine.reach["10.66.0.3"] = 1350
    done = run()
    assert done["mtu"] == 1344 and machine.kernel and machine.kernel.mtu == 1344
    assert "mtu reduced to 1344 on a: 1344 bytes pass to c, 1420 do not" in done["notes"]
    assert "MTU = 1344" in machine.conf.read_text()
    assert [one["full_mtu"] for one in done["peers"]] == [True, True]
    assert run()["actions"] == []


def test_check_mode_predicts_the_mtu_of_a_running_link(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.reach["10.66.0.3"] = 1350
    assert thrice(machine, run)["actions"] == ["MTU 1420 -> 1344", f"write {machine.conf}"]


def test_a_declared_mtu_stays_and_its_failure_is_said(machine: TunnelHost, run: Run) -> None:
    machine.reach["10.66.0.3"] = 1350
    done = thrice(machine, run, hosts={**HOSTS, "a": host(1, mtu=1420)})
    assert done["mtu"] == 1420 and "path MTU too small: 1344 bytes pass" in done["notes"][0]
    assert [one["full_mtu"] for one in done["peers"]] == [True, False]


def test_a_silent_host_is_named_and_fails_nothing(machine: TunnelHost, run: Run) -> None:
    del machine.reach["10.66.0.2"]
    done = thrice(machine, run)
    assert done["silent"] == ["b"]
    assert done["notes"] == ["b does not answer at 10.66.0.2 (direct, no handshake)"]
    row = done["peers"][0]
    assert (row["rtt_ms"], row["full_mtu"], row["handshake_age"], row["routed"]) == (None, None, None, True)


def test_a_short_look_names_a_silent_host_and_leaves_the_verdict_to_others(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    del machine.reach["10.66.0.2"]
    done = run(check=True)
    assert done["silent"] == ["b"] and done["notes"] == []


def test_a_host_that_speaks_late_is_waited_for(machine: TunnelHost, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def late(targets: Any, size: int, timeout: float) -> Any:
        tries.append(size)
        return machine.ping(targets, size, timeout) if len(tries) > 3 else {}

    monkeypatch.setattr(mesh, "ping", late)
    assert run(verify_timeout=30)["silent"] == []


def test_without_verify_nobody_is_asked(machine: TunnelHost, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh, "ping", lambda *_: pytest.fail("a probe"))
    done = thrice(machine, run, verify=False)
    assert done["silent"] == [] and done["peers"][0]["rtt_ms"] is None


def test_a_relayed_host_is_proven_through_its_hub(machine: TunnelHost, run: Run) -> None:
    hosts = {"a": host(1, nat=True), "b": host(2, hub=True), "c": host(3, nat=True)}
    done = thrice(machine, run, hosts=hosts)
    rows = {one["name"]: one for one in done["peers"]}
    assert rows["c"]["path"] == "relay:b" and rows["c"]["public_key"] == key("b") and rows["c"]["full_mtu"]


def test_a_hub_that_cannot_relay_says_so(machine: TunnelHost, run: Run, tmp_path: Path) -> None:
    hosts = {"a": host(1, hub=True), "b": host(2, nat=True), "c": host(3, nat=True)}
    assert run(hosts=hosts)["notes"] == []
    (tmp_path / "net/ipv4/ip_forward").write_text("0\n")
    redirects = tmp_path / "net/ipv4/conf/wg0/send_redirects"
    redirects.parent.mkdir(parents=True)
    redirects.write_text("1\n")
    said = run(hosts=hosts)["notes"]
    assert len(said) == 2 and "a does not forward" in said[0] and "redirect" in said[1]


def test_a_look_at_a_hub_that_is_still_to_be_made_judges_no_switches(
    machine: TunnelHost, run: Run, tmp_path: Path
) -> None:
    """The role sets them between the look and the run."""
    hosts = {"a": host(1, hub=True), "b": host(2, nat=True), "c": host(3, nat=True)}
    (tmp_path / "net/ipv4/ip_forward").write_text("0\n")
    assert run(check=True, hosts=hosts, verify_unchanged=True)["notes"] == []
    assert "a does not forward" in run(hosts=hosts)["notes"][0]


def test_a_pair_without_a_path_is_in_the_answer(machine: TunnelHost, run: Run) -> None:
    done = run(hosts={"a": host(1, nat=True), "b": host(2), "c": host(3, nat=True)})
    assert done["peers"][1]["path"].startswith("unreachable: a and c are both behind NAT")
    assert done["silent"] == []


def test_names_become_addresses(machine: TunnelHost, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"b.example": ["192.0.2.20", "192.0.2.21"]}
    monkeypatch.setattr(tunnel, "lookup", lambda name: answers.get(name, []))
    hosts = {**HOSTS, "b": host(2, endpoint="b.example")}
    thrice(machine, run, hosts=hosts)
    assert "Endpoint = 192.0.2.20:51820" in machine.conf.read_text()
    answers["b.example"] = ["192.0.2.19", "192.0.2.20"]
    assert run(hosts=hosts)["actions"] == []  # still one of its addresses
    answers.clear()
    assert run(hosts=hosts)["actions"] == []  # the file knows it
    refused = run(hosts={**hosts, "c": host(3, endpoint="c.example")})
    assert "c.example, the endpoint of c, has no address" in refused["msg"]


def test_a_step_that_fails_says_which_and_hides_its_key(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.broken[("wg", "set")] = f"Key is not the correct length or format: `{PSK['b']}'"
    text = machine.conf.read_text()
    refused = run(preshared_keys={key("b"): PSK["b"]})
    assert "peer b: preshared key set: Key is not the correct length" in refused["msg"]
    assert machine.conf.read_text() == text
    machine.broken.clear()
    assert "peer b: preshared key set" in run(preshared_keys={key("b"): PSK["b"]})["actions"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"name": "x"}, "is not among hosts"),
        ({"hosts": {**HOSTS, "d": "10.66.0.4"}}, "d has no settings but"),
        ({"hosts": {**HOSTS, "d": host(2)}}, "10.66.0.2 is claimed by b and d"),
        ({"hosts": {**HOSTS, "d": {"address": "10.67.0.4"}}}, "outside the tunnel's network"),
        ({"public_keys": {"b": key("b"), "c": key("b")}}, "have the same public key"),
        ({"public_keys": {"b": "no-key"}}, "is no public key"),
        ({"preshared_keys": {key("b"): "no-key"}}, "is no key"),
        ({"network": {"networks": ["10.66.0.0/24"], "interface": "a/b"}}, "is no name for an interface"),
        ({"network": {"networks": ["10.66.0.0/24"], "topologie": "mesh"}}, "nothing reads this variable"),
    ],
)
def test_what_does_not_fit_changes_nothing(machine: TunnelHost, run: Run, params: dict[str, Any], said: str) -> None:
    refused = run(**params)
    assert refused["failed"] and said in refused["msg"]
    assert machine.calls == [] and not machine.conf.exists()


def test_what_the_host_has_in_the_way_changes_nothing(machine: TunnelHost, run: Run, tmp_path: Path) -> None:
    machine.foreign_routes = [{"dst": "10.66.0.0/16", "dev": "docker0"}]
    assert "overlaps the route 10.66.0.0/16 on docker0" in run()["msg"]
    machine.foreign_routes = []
    (tmp_path / "net/ipv6/conf/all/disable_ipv6").write_text("1\n")
    both = {"a": host(1, more_addresses=["fd66::1"]), "b": host(2)}
    refused = run(hosts=both, network={"networks": ["10.66.0.0/24", "fd66::/64"]})
    assert "disable_ipv6 is 1 here" in refused["msg"]
    (tmp_path / "machine-id").write_text("0123456789abcdef\n")
    machine.key_file.with_name("wg0.key.machine").write_text("of another machine\n")
    assert "a copy of that one's image" in run()["msg"]
    assert machine.calls == [] and not machine.conf.exists()


def test_absent_removes_the_tunnel_and_leaves_the_key(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    done = thrice(machine, run, state="absent")
    assert done["actions"] == ["stop and disable wg-quick@wg0.service", f"remove {machine.conf}"]
    assert machine.kernel is None and machine.key_file.exists()


def test_absent_spares_a_foreign_file(machine: TunnelHost, run: Run) -> None:
    machine.conf.write_text("[Interface]\n")
    assert "was written by somebody else" in run(state="absent")["msg"]
    thrice(machine, run, state="absent", adopt=True)
    assert not machine.conf.exists()


def test_absent_removes_an_interface_without_its_unit(machine: TunnelHost, run: Run) -> None:
    up(machine, run)
    machine.active = machine.enabled = False
    assert "delete wg0" in thrice(machine, run, state="absent")["actions"]


def test_a_changed_drop_in_is_read_before_the_unit_starts(machine: TunnelHost, run: Run) -> None:
    machine.stale = True
    run(check=True)
    assert machine.stale
    done = run()
    assert not machine.stale
    reload, start = (
        machine.calls.index(("systemctl", *words)) for words in (("daemon-reload",), ("start", "wg-quick@wg0.service"))
    )
    assert reload < start
    assert not [text for text in done["actions"] if "reload" in text]


def test_the_answer_tells_what_runs_and_not_what_is_wanted(machine: TunnelHost, run: Run) -> None:
    """A block whose key somebody changed is told with that key, so that both ends can be compared."""
    up(machine, run)
    assert machine.kernel
    fine = run(check=True)
    assert (fine["running_key"], fine["listens"]) == (fine["public_key"], 51820)
    machine.kernel.peers[key("stranger")] = machine.kernel.peers.pop(key("b"))
    machine.kernel.key, machine.kernel.up = key("another"), False
    found = run(check=True, allow_disruption=True)
    assert (found["public_key"], found["running_key"], found["listens"]) == (fine["public_key"], key("another"), 0)
    assert [row["public_key"] for row in found["peers"]] == [key("stranger"), key("c")]
    del machine.kernel.peers[key("stranger")]
    assert run(check=True, allow_disruption=True)["peers"][0]["public_key"] == ""
