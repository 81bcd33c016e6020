"""A process that another launcher has started is not a run of its own."""

from __future__ import annotations

import pytest

from support.cli.projects import Project


def test_a_process_of_another_launcher_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun sets RANK and WORLD_SIZE; the error says how regtrain starts several processes."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = project("run", "run.yaml", "--json")
    assert said.code == 2
    assert "process 1 of 2" in said.error()["message"]
    assert "--nproc 2" in said.error()["hint"]
    assert project.run_folders() == []


def test_a_single_process_of_another_launcher_is_a_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process is what it says, whoever started it."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert project.train()["version"] == "1.0.0"
