"""A process is killed, or refused, at calls that change files: what it acknowledged stays, and the registry is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from support.faults.campaign import SEED, Point, Warm, kills, refusals, sample
from support.faults.scenarios import SCENARIOS, Scenario
from support.faults.shim import Call, Mode

Points = Callable[[Sequence[Call]], list[Point]]
EACH = 150 // (2 * len(SCENARIOS)) + 1

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
each_kind = pytest.mark.parametrize("points", [kills, refusals], ids=["killed", "refused"])


def wrong(bench: Warm, scenario: Scenario, points: Iterable[Point]) -> list[str]:
    """What went wrong at these points."""
    return [violation for point in points for violation in bench.strike(scenario, point)]


@each_kind
@each_scenario
def test_some_points(bench: Warm, scenario: Scenario, points: Points) -> None:
    """A sample of all points, by a seed (FAULT_SEED)."""
    calls, _ = bench.record(scenario)
    found = wrong(bench, scenario, sample(points(calls), EACH, scenario.name))
    assert found == [], f"FAULT_SEED={SEED}\n" + "\n".join(found)


@pytest.mark.campaign
@each_kind
@each_scenario
def test_all_points(bench: Warm, scenario: Scenario, points: Points) -> None:
    """Every call of the scenario, every way in which it can fail."""
    calls, _ = bench.record(scenario)
    found = wrong(bench, scenario, points(calls))
    assert found == [], f"{len(found)} violations\n" + "\n".join(found[:20])


def test_the_calls_of_sqlite_are_seen(bench: Warm) -> None:
    """Those of the library in C too: a journal is written, synchronised and removed, and the file between them."""
    scenario = next(one for one in SCENARIOS if one.name == "register the first version")
    calls, _ = bench.record(scenario)
    names = [(call.op.name, call.path.rpartition("/")[2]) for call in calls]
    wanted = [("WRITE", "registry.db-journal"), ("SYNC", "registry.db-journal"), ("WRITE", "registry.db")]
    wanted += [("SYNC", "registry.db"), ("UNLINK", "registry.db-journal")]
    places = [names.index(one) for one in wanted]
    assert places == sorted(places)
    assert {point.strike.mode for point in kills(calls)} == {Mode.BEFORE, Mode.AFTER, Mode.HALF}
