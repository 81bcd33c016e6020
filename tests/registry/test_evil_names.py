"""Names that lead elsewhere are refused, wherever a name is taken, and no path outside the store is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import program

PROGRAM = program("registry/evil_names.py")


def run(folder: Path, count: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(folder)}
    command = [sys.executable, str(PROGRAM), str(folder), str(count)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, env=environment)


@pytest.mark.parametrize("count", [140, pytest.param(600, marks=pytest.mark.slow)])
def test_no_name_leads_outside(tmp_path: Path, count: int) -> None:
    """`../x`, backslashes, escapes, control characters, look-alikes, options, over-long ones, and mixtures of them."""
    done = run(tmp_path, count)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == count


def test_a_path_outside_would_be_seen(tmp_path: Path) -> None:
    """The hook of that program sees files that are written, made and removed elsewhere."""
    other = tmp_path / "other"
    deeds = (
        f"open({str(other)!r}, 'w')",
        f"os.mkdir({str(other)!r})",
        f"os.rmdir({str(other)!r})",
        "open('../other', 'w')",
    )
    (tmp_path / "root").mkdir()
    for deed in deeds:
        code = (
            f"import os, pathlib, sys; sys.path.insert(0, {str(PROGRAM.parent)!r}); import evil_names; "
            f"os.chdir({str(tmp_path / 'root')!r}); seen = evil_names.watch(pathlib.Path({str(tmp_path / 'root')!r})); {deed}; "
            "sys.exit(7 if seen() else 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, cwd=tmp_path / "root", capture_output=True, text=True
        )
        assert done.returncode == 7, (deed, done.stderr)
        other.unlink() if other.is_file() else None
