"""Fixtures for tests that call the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.cli.projects import Project, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of its own for a test that trains or changes something."""
    return make_project(tmp_path)


@pytest.fixture
def bare_project(tmp_path: Path) -> Project:
    """The same where nothing was registered and no registry was made yet."""
    return make_project(tmp_path, registry=False)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, Any]]:
    """One project with one finished run, and what the run printed; for tests that only read."""
    project = make_project(tmp_path_factory.mktemp("trained"))
    return project, project.train()
