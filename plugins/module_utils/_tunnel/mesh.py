# GPL-3.0-or-later (see LICENSE)
"""One host's tunnel brought to what is wanted: file, live steps, proof (wireguard-join c.3, c.5, c.7)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._plan.problems import Problems
from .._shell import Changes, FileSpec, Module, Refusal, Shell, put_directory, put_file, read_text
from .._wire import mtu, words
from .._wire.checks import check_network
from .._wire.conf import complete, names_to_resolve, resolved, wanted_file
from .._wire.host_checks import HostFacts, check_host
from .._wire.model import RELAY, HostConfig, Tombstone
from .._wire.observed import Live
from .._wire.read import read_network
from .._wire.steps import Step, disruptive, plan_steps, start_steps
from .._wire.topology import Topology
from .._wire.wgfile import WgFile, masked, parse, render
from . import host, key, links, share
from .ping import ping

LOCKS = "/run"


@contextlib.contextmanager
def locked(interface: str, check_mode: bool) -> Iterator[None]:
    """One run at a time per interface."""
    if check_mode:
        yield
        return
    with open(f"{LOCKS}/fediverse-wireguard-{interface}.lock", "w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class Mesh:
    """One run on one host. `changes` has what was done, and in its notes what is not as it should be."""

    def __init__(self, module: Module, changes: Changes) -> None:
        self.module, self.changes, self.shell = module, changes, Shell(module)
        self.params = module.params
        problems = Problems()
        self.name = self.params["name"]
        stones = tuple(Tombstone(one["name"], tuple(one["public_keys"])) for one in self.params["removed"])
        if self.name not in self.params["hosts"]:
            raise Refusal(f"name: {self.name!r} is not among hosts. Nothing was changed.")
        for name, settings in self.params["hosts"].items():
            if not isinstance(settings, Mapping):
                raise Refusal(f"hosts: {name} has no settings but {settings!r}. Nothing was changed.")
        network = read_network(self.params["network"], self.params["hosts"], problems)
        self.paths = key.Paths(network.interface)
        text = read_text(self.paths.conf)
        self.filed: WgFile | None = parse(text) if text is not None else None
        self.secret = key.read_secret(self.paths.key)
        if self.secret is None and module.check_mode and self.filed:
            self.secret = self.filed.private_key  # wireguard_key would take it over
        self.own_key = key.shown(self.secret)
        known = {**self.params["public_keys"], **({self.name: self.own_key} if self.own_key else {})}
        network = read_network(self.params["network"], self.params["hosts"], Problems(), known, stones)
        share.check_keys(known, self.params["preshared_keys"], problems)
        check_network(network, problems)
        self._stop(problems)
        self.topology = Topology(network)
        self.me = network.member(self.name)
        self.unit = f"wg-quick@{network.interface}.service"

    # -- what is wanted

    def _stop(self, problems: Problems) -> None:
        if problems:
            raise Refusal("\n".join([*map(str, problems.all()), "Nothing was changed."]))

    def wanted(self, seen: host.Seen) -> tuple[HostConfig, tuple[str, ...]]:
        """This host's share with keys, addresses and MTU; and the hosts whose key nobody knows yet."""
        config = self.topology.config(self.name)
        unknown = {peer.name for peer in config.peers if not peer.public_key}
        ready = complete(config, self.filed, purge_foreign=self.params["purge_foreign"])
        if ready.foreign:
            self._warn(f"blocks that somebody else wrote are kept: {', '.join(ready.foreign)}")
        config = share.preshared(ready.config, self.params["preshared_keys"], self.filed, unknown)
        found = host.resolve(names_to_resolve(config), config, self.filed)
        config = share.useful_routes(resolved(config, found, self.filed))
        problems = Problems()
        share.check_names(config, problems)
        facts = HostFacts(
            routes=seen.routes,
            ipv6_off=host.ipv6_off(),
            machine=key.fingerprint(),
            key_machine=(read_text(self.paths.machine) or "").strip(),
            file=self.filed,
            adopt=self.params["adopt"],
        )
        check_host(config, facts, self.topology.network.prefixes, problems)
        self._stop(problems)
        first = share.first_mtu(self.shell, config, self.me.mtu, self.filed)
        return replace(config, mtu=first), ready.pending

    # -- what is done

    def present(self) -> dict[str, Any]:
        """The tunnel runs as wanted; the answer of the module."""
        if not self.module.check_mode:
            for tool in ("wg", "wg-quick"):
                if not shutil.which(tool):
                    raise Refusal(f"{tool} is not installed: install wireguard-tools. Nothing was changed.")
            if self.secret is None:
                raise Refusal(f"there is no {self.paths.key}: run wireguard_key first. Nothing was changed.")
        interface = self.topology.network.interface
        seen = host.look(self.shell, interface)
        if seen.stale and not self.module.check_mode:
            # A drop-in of the unit was written, by this run or by one that died before this line.
            self.shell.run(["systemctl", "daemon-reload"])
        config, pending = self.wanted(seen)
        before = seen.live
        found = links.links(self.topology, config)
        if seen.live.exists and self._verifies_first:
            config = self._measured(config, seen, found)
        starting = start_steps(interface, seen.live, self.own_key)
        steps = starting or self._plan(config, seen)
        self._refuse_disruption(steps)
        if starting:
            self._fresh(config, starting)
        else:
            self._do(steps)
            self._write(config)
        if not seen.enabled:
            self._do((Step(("systemctl", "enable", self.unit), f"enable {self.unit}"),))
        self._watch()
        if self.params["verify_unchanged"] and self._verifies:
            lower = self._measured(config, seen, found)
            if lower.mtu != config.mtu:
                config = lower
                self._do(self._plan(config, seen))
                self._write(config)
        if not self.module.check_mode:
            seen, config, found = self._after(seen, config, found)
        return self._answer(config, pending, before, seen, found)

    def _watch(self) -> None:
        unit = self.params["watch"]
        if unit and not host.runs(self.shell, unit):
            self._do((Step(("systemctl", "enable", "--now", unit), f"enable and start {unit}"),))

    @property
    def _verifies_first(self) -> bool:
        return bool(self.params["verify"] and not self.params["verify_unchanged"])

    @property
    def _verifies(self) -> bool:
        """Whether links are proven, now that it is known what has to be changed."""
        return bool(self.params["verify"] and not (self.params["verify_unchanged"] and self.changes.actions))

    def _measured(self, config: HostConfig, seen: host.Seen, found: list[links.Link]) -> HostConfig:
        """With the MTU that passes now."""
        high = min(config.mtu, seen.live.mtu)
        links.measure(found, high, self.params["verify_first"], ping)
        return self._reduced(config, found, high)

    def absent(self) -> dict[str, Any]:
        """No tunnel: unit, interface and file are gone. The key stays; wireguard_key removes it."""
        interface = self.topology.network.interface
        if self.filed and not self.filed.ours and not self.params["adopt"]:
            raise Refusal(
                f"{self.paths.conf} was written by somebody else: set adopt to remove it. Nothing was changed."
            )
        seen = host.look(self.shell, interface)
        if seen.live.unit_active or seen.enabled:
            self._do((Step(("systemctl", "disable", "--now", self.unit), f"stop and disable {self.unit}"),))
        if seen.live.exists and not seen.live.unit_active:
            self._do((Step(("ip", "link", "delete", "dev", interface), f"delete {interface}"),))
        if self.filed is not None:
            self.changes.actions.append(f"remove {self.paths.conf}")
            self._show(self.filed, None)
            if not self.module.check_mode:
                os.unlink(self.paths.conf)
        nothing: dict[str, Any] = {"peers": [], "mtu": 0, "pending": [], "silent": [], "backend": ""}
        return {**nothing, "public_key": self.own_key, "running_key": "", "listens": 0}

    def _plan(self, config: HostConfig, seen: host.Seen) -> tuple[Step, ...]:
        try:
            return plan_steps(
                config,
                seen.live,
                own_key=self.own_key,
                key_file=self.paths.key,
                filed=self.filed,
                now=int(time.time()),
            )
        except ValueError as error:
            raise Refusal(f"{error}. Nothing was changed.") from None

    def _refuse_disruption(self, steps: tuple[Step, ...]) -> None:
        says = disruptive(steps)
        if says and not self.params["allow_disruption"]:
            raise Refusal(words.refused(says, self.name, hub=self.me.hub) + " Nothing was changed.")

    def _do(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self.changes.actions.append(step.says)
            if not self.module.check_mode:
                host.run_step(self.shell, step)

    def _fresh(self, config: HostConfig, steps: tuple[Step, ...]) -> None:
        """The unit reads the file when it starts; an interface that has to go first is deleted before it is written."""
        self._do(steps[:-1])
        self._write(config)
        self._do(steps[-1:])

    def _write(self, config: HostConfig) -> None:
        """The file, after the live steps: a run killed in between finds its own change again."""
        put_directory(
            self.module, os.path.dirname(self.paths.conf), self.changes, owner=key.OWNER, group=key.GROUP, mode="0700"
        )
        after = wanted_file(config, self.secret)
        if self.filed is not None and not self.filed.ours:
            copy = f"{self.paths.conf}.foreign"
            spec = FileSpec(copy, read_text(self.paths.conf), "0600", key.OWNER, key.GROUP)
            put_file(self.module, spec, Changes(), secret=True)
            self.changes.actions.append(f"keep a copy of the file that was there as {copy}")
            if self.filed.lost():
                self._warn(f"{self.paths.conf} loses what only {copy} still has: {', '.join(self.filed.lost())}")
        spec = FileSpec(self.paths.conf, render(after), "0600", key.OWNER, key.GROUP)
        quiet = Changes()
        if put_file(self.module, spec, quiet, secret=True):
            self.changes.actions += quiet.actions
            self._show(self.filed, after)
        self.filed = after

    def _show(self, before: WgFile | None, after: WgFile | None) -> None:
        texts = masked(before, after)
        if texts[0] != texts[1]:
            headers = {"before_header": self.paths.conf, "after_header": self.paths.conf}
            self.changes.diff.append({**headers, "before": texts[0], "after": texts[1]})

    # -- what came of it

    def _after(
        self, seen: host.Seen, config: HostConfig, found: list[links.Link]
    ) -> tuple[host.Seen, HostConfig, list[links.Link]]:
        """The host again; what is still to do; every link measured, and the MTU taken down to what passes."""
        interface = config.interface
        if self.changes.actions:
            seen = host.look(self.shell, interface)
            if not seen.live.exists:
                raise Refusal(f"{interface} does not exist after the start of {self.unit}: see its journal.")
            self._do(self._plan(config, seen))
            found = links.links(self.topology, config)
        if self.params["verify"] and (self.changes.actions or links.silent(found)):
            links.measure(found, config.mtu, float(self.params["verify_timeout"]), ping)
            lower = self._reduced(config, found, config.mtu)
            if lower.mtu != config.mtu:
                config = lower
                self._do(self._plan(config, host.look(self.shell, interface)))
                self._write(config)
        return host.look(self.shell, interface), config, found

    def _reduced(self, config: HostConfig, found: list[links.Link], high: int) -> HostConfig:
        """The MTU that passes to everybody who answers. A declared one is kept, and the failure said."""
        decision = mtu.decide(self.name, {one.name: one.sizes for one in found}, high)
        if decision.mtu >= high:
            return config
        if self.me.mtu:
            said = f"{decision.path or 'small'} bytes pass, the tunnel uses {high}"
            self._warn(f"{self.name}: path MTU too small: {said}. Set wireguard_mtu to what passes, or to auto.")
            return config
        self._warn(decision.says)
        return replace(config, mtu=decision.mtu)

    def _warn(self, text: str) -> None:
        if text not in self.changes.notes:
            self.changes.notes.append(text)

    def _answer(
        self, config: HostConfig, pending: tuple[str, ...], before: Live, seen: host.Seen, found: list[links.Link]
    ) -> dict[str, Any]:
        def routed(text: str) -> bool:
            return host.way(self.shell, text)[0] == config.interface

        rows = links.report(found, config.mtu, before, seen.live, int(time.time()), routed)
        proven = self._verifies and seen.live.exists
        missing = [one.name for one in links.silent(found)] if proven else []
        for row in rows:
            # The short look of check mode is no verdict: who asks gets `silent`, and asks those again.
            if row["name"] in missing and not self.module.check_mode:
                age = (
                    f"last handshake {row['handshake_age']} s ago"
                    if row["handshake_age"] is not None
                    else "no handshake"
                )
                self._warn(f"{row['name']} does not answer at {row['address']} ({row['path']}, {age})")
        for name in pending:
            self._warn(f"{name} has no known public key yet, and no block here: run the play for it as well")
        if not (self.module.check_mode and self.changes.actions):
            self._relaying(config)  # otherwise the host is not yet as the run leaves it
        return {
            "peers": rows,
            "mtu": config.mtu,
            "pending": list(pending),
            # Not `unreachable`: for Ansible that word says that the task itself never reached its host.
            "silent": missing,
            "backend": seen.backend,
            "public_key": self.own_key,
            "running_key": seen.live.public_key,
            "listens": seen.live.port if seen.live.up else 0,
        }

    def _relaying(self, config: HostConfig) -> None:
        """A hub that relays between its spokes has to forward, and should not answer with redirects."""
        if not self.me.hub or not any(
            path.kind == RELAY and path.hub == self.name for *_, path in self.topology.pairs()
        ):
            return
        version = "ipv6/conf/all/forwarding" if ":" in config.addresses[0] else "ipv4/ip_forward"
        redirects = host.sysctl(f"ipv4/conf/{config.interface}/send_redirects") or host.sysctl(
            "ipv4/conf/all/send_redirects"
        )
        for text in words.no_relay(self.name, host.sysctl(version) == 1, bool(redirects), True):
            self._warn(text)
