"""Decisions of a garbage collection."""

from __future__ import annotations

import pytest

from regtrain_registry.domain.collection import decide_file, decide_trash


@pytest.mark.parametrize(
    ("age", "grace", "needed", "action"),
    [
        (-0.5, 0, False, "purge"),  # the time of the trash is rounded up
        (0, 0, False, "purge"),
        (99, 100, False, "keep"),
        (100, 100, False, "purge"),
        (100, 100, True, "rescue"),
        (-0.5, 0, True, "rescue"),
    ],
)
def test_a_file_of_the_trash_is_purged_after_its_grace(age: float, grace: float, needed: bool, action: str) -> None:
    """With no grace at once, and never while a version needs it."""
    assert decide_trash("sha256:a", 1, age, grace, needed=needed).action == action


@pytest.mark.parametrize(("age", "action"), [(-5, "keep"), (9, "keep"), (10, "trash")])
def test_a_file_is_moved_to_the_trash_after_the_grace(age: float, action: str) -> None:
    """A registration may be about to refer to a file that was stored since."""
    decision = decide_file("sha256:a", 1, age, 10, "no version refers to it")
    assert (decision.action, decision.reason.startswith("no version refers to it")) == (action, True)
