"""SQLite on a network file system: refused, unless config or environment force it."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain_registry import location
from support.cli.projects import Project


@pytest.mark.skipif(location.file_system_type(Path("/")) is None, reason="only Linux numbers its file systems")
def test_a_registry_on_a_network_is_forced_by_config_or_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 5 before anything is trained, both ways named in the hint; each of them works."""
    here = location.file_system_type(project.folder)
    monkeypatch.setitem(location.NETWORK_FILE_SYSTEMS, here, "a test")
    said = project("run", "run.yaml", "--json")
    assert (said.code, said.error()["code"]) == (5, "network_file_system")
    assert "registry.force_network_fs: true" in said.error()["hint"]
    assert project.run_folders() == []
    assert project.train("registry.force_network_fs=true")["version"] == "1.0.0"
    assert project("models", "list", "--json").code == 5
    monkeypatch.setenv("REGTRAIN_FORCE_NETWORK_FS", "1")
    assert project.train()["version"] == "1.0.1"
    assert project("models", "list", "--json").code == 0
