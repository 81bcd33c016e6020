"""A process killed at any call of `register` leaves a registry that is whole."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from registry.kill_points import registration
from regtrain_registry import Registry


def assert_whole(folder: Path, before: int) -> None:
    """Every row has its blobs, every blob its digest, what was acknowledged is there, and it goes on."""
    registry = Registry(f"sqlite:///{folder}/registry.db", create=False)
    versions = registry.versions("digits") if registry.models() else []
    assert len(versions) in (before, before + 1)
    if (folder / "acknowledged").exists():
        assert len(versions) == before + 1
    for version in versions:
        assert len(registry.checkout(version.ref, folder / f"out-{version.number}")) == 2
    for blob in (folder / "blobs" / "sha256").glob("*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    connection = sqlite3.connect(folder / "registry.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert registry.register(registration(folder, 3)).number == len(versions) + 1


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("mode", ["before", "after", "half"])
def test_no_kill_leaves_a_row_without_its_bytes(tmp_path: Path, mode: str, before: int) -> None:
    """Killed before, after or halfway through each call: whole, nothing acknowledged lost, numbers without gap."""
    program = Path(__file__).parent / "kill_points.py"
    command = [sys.executable, str(program), str(tmp_path), mode, str(before)]
    calls = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
    assert calls > 20
    for number in range(1, calls + 2):
        assert_whole(tmp_path / str(number), before)
    assert (tmp_path / str(calls + 1) / "acknowledged").exists()
