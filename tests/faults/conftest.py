"""The shim, and a warm process under it for each test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.faults import shim
from support.faults.campaign import Warm, warm


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def bench(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with warm(library, tmp_path_factory.mktemp("bench")) as process:
        yield process
