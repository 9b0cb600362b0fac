# GPL-3.0-or-later (see LICENSE)
"""What every state of the module sidekiq_worker looks at: the environment, the units, the heartbeats."""

from __future__ import annotations

import socket
from typing import Any

from .._join import environment, preflight_release, preflight_store, preflight_units, queues
from .._join.checks import Check, refusal
from .._join.instance import Unit, wanted_from
from .._join.registration import Beat, find
from .._join.removal import Step
from .._shell import Changes, Module, Refusal, Shell, read_text
from .._verify import dotenv
from . import preflight, release, units
from .sidekiq import Sidekiq


class Unfit(Refusal):
    """A refusal with what the playbook may want to show or to decide by."""

    def __init__(self, text: str, **result: Any) -> None:
        super().__init__(text)
        self.result = result


class Worker:
    """One host at the moment of the run."""

    def __init__(self, module: Module, changes: Changes) -> None:
        self.shell = Shell(module)
        self.given = module.params
        self.check_mode = module.check_mode
        self.changes = changes
        self.name: str = self.given["worker"]
        self.hostname = socket.gethostname()
        try:
            self.wanted = wanted_from(self.given["instances"])
        except ValueError as error:
            raise Refusal(f"{self.name}: instances: {error}") from error
        self._sidekiq: Sidekiq | None = None

    def close(self) -> None:
        """End the connection to Redis; who asks again gets a new one."""
        if self._sidekiq:
            self._sidekiq.close()
        self._sidekiq = None

    def environment(self) -> dict[str, str]:
        """The application's environment."""
        path = self.given["env_file"]
        text = read_text(path)
        if text is None:
            raise Refusal(f"{self.name}: there is no {path}: run the role mastodon here")
        return dotenv.parse(text)

    @property
    def sidekiq(self) -> Sidekiq:
        """The connection to Sidekiq's Redis, made when it is needed."""
        if self._sidekiq is None:
            try:
                at = environment.redis_at(self.environment(), "sidekiq")
            except ValueError as error:
                raise Refusal(f"{self.name}: {error}: name the relay in {self.given['env_file']}") from error
            self._sidekiq = Sidekiq(at, self.name)
        return self._sidekiq

    def units(self) -> dict[str, Unit]:
        """{instance: unit} of all instances that were given."""
        return units.look(self.shell, self.wanted)

    def mine(self, found: dict[str, Unit], beats: list[Beat]) -> dict[str, Beat]:
        """{instance: its heartbeat}."""
        entries = {name: find(unit, self.hostname, beats) for name, unit in found.items()}
        return {name: same[-1] for name, same in entries.items() if same}

    def do(self, steps: list[Step]) -> None:
        """Do what was decided; in check mode say it only."""
        for step in steps:
            self.changes.actions.append(str(step))
            if not self.check_mode:
                units.do(self.shell, step)

    def processes(self, own: dict[str, Beat], beats: list[Beat], now: float) -> list[dict[str, Any]]:
        """For the return value: this host's first."""
        identities = {beat.identity: name for name, beat in own.items()}
        rows = [
            {**beat.plain(now, beat.identity in identities), "instance": identities.get(beat.identity, "")}
            for beat in beats
            if beat.beat
        ]
        return sorted(rows, key=lambda row: (not row["mine"], row["identity"]))

    def fitness(self, found: dict[str, Unit], beats: list[Beat] | None, now: float) -> tuple[Check, Check]:
        """The checks `queues` and `units`, which a start needs as well."""
        known = release.queue_names(release.stamp(self.given["app_dir"]))
        others: list[Beat] | None = None
        if beats is not None:
            own = {beat.identity for beat in self.mine(found, beats).values()}
            others = [beat for beat in beats if beat.identity not in own]
        return (
            queues.judge(self.wanted, found, known, others, now, self.given["allow_scheduler"]),
            preflight_units.judge(self.wanted, found, self.name, self.given["canary"]),
        )

    def reference(self, env: dict[str, str]) -> dict[str, Any]:
        """What another host compares itself with. Without a nonce there are no fingerprints."""
        own = release.release(self.given["app_dir"], release.stamp(self.given["app_dir"]))
        nonce = self.given["nonce"]
        return {
            "host": self.name,
            "release": own.plain(),
            "secrets": environment.fingerprints(env, nonce) if nonce else {},
        }

    def checked(self) -> dict[str, Any]:
        """The preflight. Unfit when a check failed."""
        given, env = self.given, self.environment()
        expected, nonce = given["expected"], given["nonce"]
        if expected and not nonce:
            raise Refusal(f"{self.name}: expected needs the nonce that its fingerprints were made with")
        outer = preflight.ask(self.shell, given, env, write=not self.check_mode)
        beats: list[Beat] | None = None
        now = 0.0
        if next(check.ok for check in outer.checks if check.id == "redis"):
            beats, now = self.sidekiq.beats(), self.sidekiq.now()
        found = self.units()
        own = release.release(given["app_dir"], release.stamp(given["app_dir"]))
        host = str(expected.get("host") or "the reference")
        reference = preflight_release.release_from(expected["release"]) if expected.get("release") else None
        store = environment.store(env) is not None
        inner = (
            preflight_release.judge(own, reference, host, release.migrations(given["app_dir"]), outer.migrations),
            preflight_release.secrets(
                environment.fingerprints(env, nonce), expected.get("secrets") or None, host, store, given["env_file"]
            ),
            preflight_store.media(store, given["media_shared"], self._listened(found)),
            *self.fitness(found, beats, now),
        )
        checks = preflight.order((*outer.checks, *inner))
        result = {"checks": [check.plain() for check in checks], "reference": self.reference(env)}
        text = refusal(checks, self.name)
        if text:
            raise Unfit(text, **result)
        return result

    def _listened(self, found: dict[str, Unit]) -> set[str]:
        names: set[str] = set()
        for one in self.wanted:
            names |= found[one.name].command.names or one.queues
        return names

    def info(self) -> dict[str, Any]:
        """Who runs, here and elsewhere; nothing is judged."""
        beats, now = self.sidekiq.beats(), self.sidekiq.now()
        return {
            "processes": self.processes(self.mine(self.units(), beats), beats, now),
            "reference": self.reference(self.environment()),
        }
