"""From what is wanted and found to the actions: tables, and properties on a host that is played in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.decide import (
    decide,
    doubtful,
    parts_of,
    renewed,
    to_record,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._units.model import (
    Action,
    Desired,
    File,
    Instance,
    Observed,
    UnitsError,
    UnitState,
    desired_from,
    digest,
)
from hypothesis import given, settings
from hypothesis import strategies as st

LINK = "/opt/mastodon/current"
TEMPLATE = "/etc/systemd/system/mastodon-web@.service"
UP = UnitState("active", "running", True, 7)


def instance(name: str, content: str = "A=1\n", state: str = "started", port: str = "1") -> Instance:
    files = (
        File(f"/etc/mastodon/web-{name}.env", content, 0o600),
        File(f"/etc/systemd/system/mastodon-web@{name}.socket.d/address.conf", f"ListenStream={port}\n"),
    )
    return Instance(name, files, state)


def wish(*instances: Instance, template: str = "[Service]\n", socket: bool = True) -> Desired:
    return Desired(
        family="mastodon-web",
        instances=instances,
        socket=socket,
        shared_files=(File(TEMPLATE, template),),
        instance_files=("/etc/mastodon/web-%i.env", "/etc/systemd/system/mastodon-web@%i.socket.d/address.conf"),
        watch=(LINK,),
    )


@dataclass
class Host:
    """A systemd in memory. `runs` holds what each running service read when it started."""

    link: str = "v1"
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    units: dict[str, UnitState] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)  # unit files as of the last daemon-reload
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[str, dict[str, str]] = field(default_factory=dict)

    def observe(self, desired: Desired) -> Observed:
        names = {unit.split("@")[1].rsplit(".", 1)[0] for unit, state in self.units.items() if state != UnitState()}
        leftovers: dict[str, tuple[str, ...]] = {}
        for path in self.files:
            for pattern in desired.instance_files:
                head, tail = pattern.split("%i")
                if path.startswith(head) and path.endswith(tail):
                    name = path[len(head) : len(path) - len(tail)]
                    leftovers[name] = (*leftovers.get(name, ()), path)
        ours = [file.path for file in desired.shared_files]
        ours += [file.path for item in desired.instances for file in item.files]
        stale = self.on_disk() != self.loaded
        units = {*self.units, *(unit for item in desired.instances for unit in desired.units(item.name))}
        return Observed(
            units={unit: replace(self.units.get(unit, UnitState()), needs_reload=stale) for unit in units},
            files={path: self.files.get(path) for path in ours},
            watched={LINK: self.link},
            records=dict(self.records),
            instances=frozenset(names | set(leftovers)),
            leftovers=leftovers,
        )

    def on_disk(self) -> dict[str, str]:
        """What systemd would read: unit files and the links that enable units."""
        links = {f"{unit}.wants": "link" for unit, state in self.units.items() if state.enabled}
        return links | {path: content for path, (content, _mode) in self.files.items() if "/systemd/" in path}

    def _set(self, unit: str, **changes: Any) -> None:
        self.units[unit] = replace(self.units.get(unit, UnitState()), **changes)

    def take(self, action: Action, desired: Desired) -> None:
        contents = {file.path: file for file in desired.shared_files}
        contents.update({file.path: file for item in desired.instances for file in item.files})
        if action.verb == "write":
            file = contents[action.target]
            self.files[file.path] = (file.content, file.mode)
        elif action.verb == "remove":
            del self.files[action.target]
        elif action.verb in ("enable", "disable"):
            self._set(action.target, enabled=action.verb == "enable")
        elif action.verb == "stop":
            self._set(action.target, active="inactive", pid=0)
            self.runs.pop(action.target, None)
            if action.target.endswith(".socket"):
                self._set(action.target.replace(".socket", ".service"), active="inactive", pid=0)
                self.runs.pop(action.target.replace(".socket", ".service"), None)
        elif action.verb == "daemon-reload":
            self.loaded = self.on_disk()
        elif action.instance:
            self._start(action, desired)

    def _start(self, action: Action, desired: Desired) -> None:
        item = next(item for item in desired.instances if item.name == action.instance)
        *sockets, service = desired.units(item.name)
        for socket in sockets:
            bound = self.runs.get(socket)
            if action.verb == "rebind" or self.units.get(socket, UnitState()).is_down:
                bound = {path: digest(text) for path, text in self.loaded.items() if ".socket.d" in path}
            self.runs[socket] = bound or {}
            self._set(socket, active="active")
        assert action.verb != "start" or not self.units.get(service, UnitState()).is_up, "start of a running service"
        read = {path: digest(self.files[path][0]) for path in (TEMPLATE, *(file.path for file in item.files))}
        self.runs[service] = {**read, LINK: self.link}
        self._set(service, active="active", pid=len(self.runs) + 100)

    def settle(self, desired: Desired, interrupted_after: int | None = None) -> list[Action]:
        """As host.apply does; cut off after that many actions."""
        observed = self.observe(desired)
        actions = decide(desired, observed)
        for number, action in enumerate(actions):
            if number == interrupted_after:
                return actions
            for unit in doubtful(desired, observed, action, actions):
                self.records.pop(unit, None)
            self.take(action, desired)
            for unit in renewed(desired, observed, action):
                item = next(item for item in desired.instances if item.name == action.instance)
                self.records[unit] = parts_of(desired, item, unit, observed)
        if interrupted_after is None:
            for item, unit in to_record(desired, observed, actions):
                self.records[unit] = parts_of(desired, item, unit, observed)
        return actions

    def assert_fulfils(self, desired: Desired) -> None:
        running = {unit for unit, state in self.units.items() if state.is_up}
        wanted = set()
        for item in desired.instances:
            units = desired.units(item.name)
            assert all(self.units.get(unit, UnitState()).enabled == (item.state == "started") for unit in units)
            if item.state == "started" or (item.state == "as_found" and units[-1] in running):
                wanted |= {unit for unit in units if item.state == "started" or unit in running}
                now = {file.path: digest(file.content) for file in (*desired.shared_files, *item.files)}
                assert self.runs[units[-1]] == {**now, LINK: self.link}, "a unit runs what is not wanted"
                if desired.socket:
                    address = item.files[1]
                    assert self.runs[units[0]].get(address.path) == digest(address.content), "bound to an old address"
        assert running == wanted
        kept = {file.path for file in desired.shared_files}
        assert set(self.files) == kept | {file.path for item in desired.instances for file in item.files}


def verbs(actions: list[Action]) -> list[str]:
    return [f"{action.verb} {action.target.rsplit('/', 1)[-1]}".rstrip() for action in actions]


@pytest.fixture
def running() -> tuple[Host, Desired]:
    host, desired = Host(), wish(instance("3000"), instance("3001", port="2"))
    host.settle(desired)
    return host, desired


def test_a_bare_host_gets_files_then_reload_then_starts() -> None:
    assert verbs(decide(wish(instance("3000")), Observed())) == [
        "write mastodon-web@.service",
        "daemon-reload",
        "write web-3000.env",
        "write address.conf",
        "enable mastodon-web@3000.socket",
        "enable mastodon-web@3000.service",
        "daemon-reload",
        "start mastodon-web@3000.service",
    ]


def test_where_nothing_runs_all_files_go_before_the_first_start_and_systemd_reads_them_once() -> None:
    said = verbs(decide(wish(instance("3000"), instance("3001", port="2")), Observed()))
    assert said[-3:] == ["daemon-reload", "start mastodon-web@3000.service", "start mastodon-web@3001.service"]
    assert said.count("daemon-reload") == 2


def test_a_second_run_does_nothing(running: tuple[Host, Desired]) -> None:
    host, desired = running
    assert host.settle(desired) == []


def test_one_changed_instance_is_restarted_alone(running: tuple[Host, Desired]) -> None:
    host, _desired = running
    changed = wish(instance("3000"), instance("3001", content="A=2\n", port="2"))
    assert verbs(host.settle(changed)) == ["write web-3001.env", "restart mastodon-web@3001.service"]


def test_a_new_release_restarts_all_one_after_the_other_and_says_why(running: tuple[Host, Desired]) -> None:
    host, desired = running
    host.link = "v2"
    actions = host.settle(desired)
    assert verbs(actions) == ["restart mastodon-web@3000.service", "restart mastodon-web@3001.service"]
    assert {action.why for action in actions} == {f"changed: {LINK}"}


def test_a_changed_template_reloads_once(running: tuple[Host, Desired]) -> None:
    host, desired = running
    assert verbs(host.settle(replace(desired, shared_files=(File(TEMPLATE, "[Service]\nX=1\n"),)))) == [
        "write mastodon-web@.service",
        "daemon-reload",
        "restart mastodon-web@3000.service",
        "restart mastodon-web@3001.service",
    ]


def test_an_instance_behind_one_that_fails_keeps_its_files_and_its_record(running: tuple[Host, Desired]) -> None:
    host, desired = running
    changed = wish(instance("3000", content="A=2\n"), instance("3001", content="A=2\n", port="2"))
    kept = (host.files["/etc/mastodon/web-3001.env"], host.records["mastodon-web@3001.service"])
    assert verbs(decide(changed, host.observe(changed)))[:2] == [
        "write web-3000.env",
        "restart mastodon-web@3000.service",
    ]
    host.settle(changed, interrupted_after=1)
    assert (host.files["/etc/mastodon/web-3001.env"], host.records["mastodon-web@3001.service"]) == kept
    assert verbs(host.settle(desired)) == ["write web-3000.env", "restart mastodon-web@3000.service"]


def test_a_changed_address_rebinds_only_that_socket(running: tuple[Host, Desired]) -> None:
    host, _desired = running
    moved = wish(instance("3000", port="9"), instance("3001", port="2"))
    assert verbs(host.settle(moved)) == ["write address.conf", "daemon-reload", "rebind mastodon-web@3000.service"]


def test_a_removed_instance_goes_before_others_start(running: tuple[Host, Desired]) -> None:
    host, _desired = running
    assert verbs(host.settle(wish(instance("3000"), instance("3002", port="2")))) == [
        "stop mastodon-web@3001.socket",
        "disable mastodon-web@3001.socket",
        "stop mastodon-web@3001.service",
        "disable mastodon-web@3001.service",
        "remove web-3001.env",
        "remove address.conf",
        "daemon-reload",
        "write web-3002.env",
        "write address.conf",
        "enable mastodon-web@3002.socket",
        "enable mastodon-web@3002.service",
        "daemon-reload",
        "start mastodon-web@3002.service",
    ]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (UnitState("inactive", "dead", True), ["start mastodon-web@3000.service"]),
        (UnitState("failed", "failed", True), ["start mastodon-web@3000.service"]),
        (UnitState("activating", "auto-restart", True), ["start mastodon-web@3000.service"]),
        (UnitState("active", "running", False, 7), ["enable mastodon-web@3000.service", "daemon-reload"]),
        (UnitState("active", "running", True, 7, needs_reload=True), ["daemon-reload"]),
        (UP, []),
    ],
)
def test_the_state_of_a_unit_alone(state: UnitState, expected: list[str]) -> None:
    host, desired = Host(), wish(instance("3000"))
    host.settle(desired)
    observed = host.observe(desired)
    units = {**observed.units, "mastodon-web@3000.service": state}
    assert verbs(decide(desired, replace(observed, units=units))) == expected


def test_a_socket_that_was_stopped_by_hand_comes_back() -> None:
    host, desired = Host(), wish(instance("3000"))
    host.settle(desired)
    host._set("mastodon-web@3000.socket", active="inactive")
    assert verbs(host.settle(desired)) == ["rebind mastodon-web@3000.service"]
    host.assert_fulfils(desired)


def test_a_running_unit_without_a_record_is_restarted() -> None:
    host, desired = Host(), wish(instance("3000"))
    host.settle(desired)
    del host.records["mastodon-web@3000.service"]
    assert verbs(host.settle(desired)) == ["restart mastodon-web@3000.service"]


def test_a_listening_socket_without_a_record_is_rebound() -> None:
    host, desired = Host(), wish(instance("3000"))
    host.settle(desired)
    host.records.clear()
    assert verbs(host.settle(desired)) == ["rebind mastodon-web@3000.service"]


def test_somebody_elses_drop_in_counts() -> None:
    host, desired = Host(), wish(instance("3000"))
    host.settle(desired)
    observed = host.observe(desired)
    drop_ins = {"mastodon-web@3000.service": {"/etc/systemd/system/mastodon-web@.service.d/x.conf": "abc"}}
    (action,) = decide(desired, replace(observed, drop_ins=drop_ins))
    assert action.verb == "restart" and "x.conf" in action.why


def test_on_demand_is_not_started_but_restarted_when_it_runs_old() -> None:
    host = Host()
    desired = wish(instance("3000", state="as_found"), socket=False)
    assert "start mastodon-web@3000.service" not in verbs(host.settle(desired))
    service = "mastodon-web@3000.service"
    host._start(Action("start", service, "", "3000"), desired)  # by the admin
    assert host.settle(desired) == []
    assert verbs(host.settle(wish(instance("3000", "A=2\n", "as_found"), socket=False))) == [
        "write web-3000.env",
        f"restart {service}",
    ]


INSTANCES = st.lists(
    st.builds(
        instance,
        st.sampled_from(["a", "b", "c-d"]),
        st.sampled_from(["A=1\n", "A=2\n"]),
        st.sampled_from(["started", "stopped"]),
        st.sampled_from(["1", "2"]),
    ),
    max_size=3,
    unique_by=lambda item: item.name,
)
WISHES = st.builds(
    lambda items, template: wish(*items, template=template),
    INSTANCES,
    st.sampled_from(["[Service]\n", "[Service]\nX=\n"]),
)
RUNS = st.lists(
    st.tuples(WISHES, st.sampled_from(["v1", "v2"]), st.one_of(st.none(), st.integers(0, 12))), min_size=1, max_size=5
)


@settings(max_examples=600)
@given(RUNS, WISHES)
def test_whatever_happened_before_one_whole_run_fulfils_the_wish(
    runs: list[tuple[Desired, str, int | None]], last: Desired
) -> None:
    """Runs with other wishes and other releases, cut off anywhere; then one that is not."""
    host = Host()
    for desired, link, interrupted_after in runs:
        host.link = link
        host.settle(desired, interrupted_after)
    host.settle(last)
    host.assert_fulfils(last)
    assert host.settle(last) == []


@given(WISHES, INSTANCES)
def test_instances_do_not_touch_each_other(desired: Desired, others: list[Instance]) -> None:
    """An instance that is wanted as before keeps its process, whatever happens to the rest."""
    host = Host()
    host.settle(desired)
    kept = [item for item in desired.instances if item in others and item.state == "started"]
    pids = {desired.service(item.name): host.units[desired.service(item.name)].pid for item in kept}
    host.settle(replace(desired, instances=tuple(others)))
    assert {service: host.units[service].pid for service in pids} == pids


def params(**changes: Any) -> dict[str, Any]:
    return {"family": "mastodon-web", "instances": [{"name": "3000"}], **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"family": "Web"}, "family 'Web'"),
        ({"instances": [{"name": "a/b"}]}, "'a/b' cannot name an instance"),
        ({"instances": [{"name": "a--b"}]}, "'a--b' cannot name an instance"),
        ({"instances": [{"name": "a"}, {"name": "a"}]}, "instance named twice: a"),
        ({"instance_files": ["/etc/mastodon/x.env"]}, "with one %i in it"),
        ({"shared_files": [{"path": "x", "content": "", "mode": "0644"}]}, "must be an absolute path"),
        (
            {"instances": [{"name": "a", "files": [{"path": "/etc/x", "content": "", "mode": "0644"}]}]},
            "/etc/x fits no pattern",
        ),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnitsError, match=words):
        desired_from(params(**changes))
