"""What tests of the documents have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.docs.warm import programs_for


@pytest.fixture(scope="session")
def warm_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A `regtrain` that does not load torch anew for each command."""
    with programs_for(tmp_path_factory.mktemp("warm") / "bin") as folder:
        yield folder
