"""Each campaign catches the bugs that it is for."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from faults import test_power_cut
from support.faults.campaign import SEED, Point, Warm, kills, refusals
from support.faults.scenarios import SCENARIOS
from support.faults.shim import Mode, Op

FIRST = next(scenario for scenario in SCENARIOS if scenario.name == "register the first version")


def in_store(point: Point) -> bool:
    return "/blobs/" in point.call.path


# Among which points each is looked for.
KILLED: dict[str, Callable[[Point], bool]] = {
    "row_before_blob": lambda point: True,
    "two_commits": lambda point: point.call.op is Op.UNLINK,
    "rename_by_copying": in_store,
    "journal_in_memory": lambda point: True,
}
REFUSED: dict[str, Callable[[Point], bool]] = {
    "failed_sync_ignored": lambda point: point.call.op is Op.SYNC and in_store(point),
    "short_write_ignored": lambda point: point.strike.mode is Mode.SHORT and in_store(point),
    "raw_error": lambda point: point.call.op in (Op.MKDIR, Op.RENAME),
}
# At how many moments besides the last one.
CUT = {"synchronous_off": 60, "synchronous_full": 0, "files_not_synced": 60, "folders_not_synced": 0}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [*KILLED, *REFUSED])
def test_a_strike_finds(bench: Warm, mutant: str) -> None:
    """At one of the points that matter, of one scenario."""
    calls, _ = bench.record(FIRST, mutant)
    points = kills(calls) if mutant in KILLED else refusals(calls)
    chosen = [point for point in points if (KILLED | REFUSED)[mutant](point)]
    random.Random(SEED).shuffle(chosen)
    assert any(bench.strike(FIRST, point, mutant) for point in chosen)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", CUT)
def test_a_power_cut_finds(bench: Warm, mutant: str) -> None:
    """At one of the moments of one scenario."""
    assert next(test_power_cut.wrong(bench, FIRST, CUT[mutant], mutant), None) is not None
