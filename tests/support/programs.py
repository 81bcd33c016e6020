"""Programs that tests run in processes of their own."""

from __future__ import annotations

from pathlib import Path


def program(name: str) -> Path:
    """The file of a program below tests/support/."""
    path = Path(__file__).parent / name
    assert path.is_file(), path
    return path
