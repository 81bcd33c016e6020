"""Several processes at once on one new registry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from regtrain_registry import Registry


@pytest.mark.slow
def test_processes_that_register_at_once_get_numbers_without_gap(tmp_path: Path) -> None:
    """Eight processes create the registry together and register ten versions each of one model."""
    program = Path(__file__).parent / "register_many.py"
    command = [sys.executable, str(program), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([*command, f"p{n}", "10"], **pipes) for n in range(8)]  # type: ignore[call-overload]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 8
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=120) for child in children]
    assert [error for _, error in answers] == [""] * 8
    numbers = sorted(int(line) for output, _ in answers for line in output.split())
    assert numbers == list(range(1, 81))
    versions = Registry(f"sqlite:///{tmp_path}/home/registry.db").versions("digits")
    assert sorted(version.number for version in versions) == numbers
    assert len({version.version for version in versions}) == 80
