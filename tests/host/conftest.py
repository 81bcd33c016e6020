"""A folder of packages that Python finds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regtrain.host import Host
from support.host.packages import Package


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for path in folder.glob("*.py"):  # modules of one test are not those of the next
        sys.modules.pop(path.stem, None)


@pytest.fixture
def host_with(site: Path) -> Callable[..., Host]:
    """Install packages, and make a host of everything that is then installed."""

    def make(*packages: Package) -> Host:
        for package in packages:
            package.install(site)
        return Host()

    return make
