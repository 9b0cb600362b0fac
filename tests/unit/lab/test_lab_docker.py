"""The docker command line, with another lab beside."""

from __future__ import annotations

import json

import pytest

from tests.lab import docker as lab_docker


def test_what_another_lab_removed_meanwhile_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker ps` names two containers; by the time of `inspect` one of them is gone."""
    there = ["a", "b"]

    def fake(*arguments: str) -> str:
        if arguments[0] == "ps":
            return "\n".join(there)
        if "b" in arguments:
            there.remove("b")
            raise lab_docker.DockerError(arguments, "No such container: b")
        return json.dumps([{"Id": name} for name in arguments[2:]])

    monkeypatch.setattr(lab_docker, "docker", fake)
    assert lab_docker.containers() == [{"Id": "a"}]


def test_any_other_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(*arguments: str) -> str:
        raise lab_docker.DockerError(arguments, "permission denied")

    monkeypatch.setattr(lab_docker, "docker", fake)
    with pytest.raises(lab_docker.DockerError, match="permission denied"):
        lab_docker.containers()
