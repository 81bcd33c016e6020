"""What every test has in common: one thread, no settings of the person who runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run; a campaign draws others.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("drawn", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Two cores shared by several test processes: with torch's default, small tensors wait for threads most of the time.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No REGTRAIN_ variable from outside, and no `.regtrain/` found above the test's own folder."""
    for name in list(os.environ):
        if name.startswith(("REGTRAIN_", "RAT_", "SLURM_", "LSB_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A campaign is slow, too: `-m "not slow"` on a command line takes the place of the settings' `not campaign`."""
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker("slow")
