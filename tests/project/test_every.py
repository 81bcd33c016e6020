"""A test over a table sees every row of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.every import for_every


@for_every([1, 2, 3])
def small(number: int) -> None:
    assert number > 2, "too small"
    raise ValueError("too large")


def test_every_row_that_does_not_hold_is_reported() -> None:
    """Failed assertions and other errors alike, with the row that each belongs to."""
    with pytest.raises(AssertionError) as caught:
        small()
    assert "3 of 3 do not hold" in str(caught.value)
    for line in ("1: AssertionError: too small", "2: AssertionError: too small", "3: ValueError: too large"):
        assert line in str(caught.value)


def test_a_table_without_rows_is_an_error() -> None:
    """It would hold whatever the test says."""
    with pytest.raises(AssertionError, match="no case"):
        for_every([])


SEEN: list[str] = []


@for_every(["a", "b"])
def test_other_arguments_are_fixtures(letter: str, tmp_path: Path) -> None:
    """Each row has them."""
    assert tmp_path.is_dir()
    SEEN.append(letter)
    assert ["a", "b"][: len(SEEN)] == SEEN
