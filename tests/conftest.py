"""What every test has in common: one thread, no settings of the person who runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run; a campaign draws others.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("drawn", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Two cores shared by several test processes: with torch's default, small tensors wait for threads most of the time.
os.environ["OMP_NUM_THREADS"] = "1"

# Variables that change what a program does which a test runs. Those of databases and proxies count, too: a server of the
# tests is named in full, and no test needs a network.
OF_A_USER = (
    *("REGTRAIN_", "RAT_", "SLURM_", "LSB_", "GIT_", "PIP_", "PG", "MYSQL_", "AWS_", "MLFLOW_", "XDG_", "SOURCE_DATE_"),
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "BLAKE3_", "TORCH_", "HF_"),
    *("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "TTY_", "MPL", "PAGER", "EDITOR", "VISUAL", "UMASK"),
)


def pytest_configure() -> None:
    """Before anything is imported that reads them; files of settings do not count either."""
    for name in list(os.environ):
        if name.startswith(OF_A_USER):
            del os.environ[name]
    nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PIP_CONFIG_FILE": os.devnull}
    os.environ.update(nothing)
    os.umask(0o022)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so do children


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.regtrain/` is found above the test's own folder, and a cache is the test's own."""
    for name in list(os.environ):
        if name.startswith(("REGTRAIN_", "RAT_", "SLURM_", "LSB_")):  # a test before this one may have left it
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / f"{tmp_path.name}-cache"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A campaign is slow, too: `-m "not slow"` on a command line takes the place of the settings' `not campaign`."""
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker("slow")
