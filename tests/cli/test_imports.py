"""What a command loads: lists and help are quick because they load neither torch nor, for help, the database."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from support.cli.projects import Project

HEAVY = ("torch", "sqlmodel", "sqlalchemy", "pydantic", "numpy")
CODE = """
import sys
from regtrain.cli import main
try:
    main(sys.argv[1:])
finally:
    print(" ".join(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


def loaded(project: Project, *argv: str) -> set[str]:
    """Which of the heavy packages a command loads, in a process of its own."""
    code = CODE.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=project.folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("argv", "allowed"),
    [
        ("--help", set()),
        ("plugins list", set()),
        ("models list", {"sqlmodel", "sqlalchemy", "pydantic"}),
        ("models show tiny", {"sqlmodel", "sqlalchemy", "pydantic"}),
        ("runs list", {"sqlmodel", "sqlalchemy", "pydantic"}),
        ("checkpoints list tiny", {"sqlmodel", "sqlalchemy", "pydantic"}),
        ("plan run.yaml launcher.name=local", {"pydantic"}),
        ("config show run.yaml", {"pydantic"}),
    ],
)
def test_a_command_loads_no_more_than_it_needs(
    argv: str, allowed: set[str], trained: tuple[Project, dict[str, Any]]
) -> None:
    """Help, lists, plans and configs never load torch; help and the list of plugins load next to nothing."""
    assert loaded(trained[0], *argv.split()) <= allowed


def test_run_help_loads_no_torch(trained: tuple[Project, dict[str, Any]]) -> None:
    """The help of `run` needs neither torch nor the database."""
    assert loaded(trained[0], "run", "--help") <= {"pydantic"}
