"""The power goes: what was not synchronised is lost, and nothing that was acknowledged is."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from itertools import groupby

import pytest

from support.faults.campaign import SEED, Warm
from support.faults.power import Disk, moments
from support.faults.scenarios import SCENARIOS, Scenario
from support.faults.shim import Call, Op

CUTS = 200 // len(SCENARIOS) + 1
BY_CHANCE = 3  # of each moment, besides the one at which everything is lost

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def cuts(calls: list[Call]) -> list[tuple[int, int]]:
    """Every moment with every draw of what is lost; draw 0: everything that was not synchronised."""
    return [(moment, draw) for moment, _ in moments(calls) for draw in range(BY_CHANCE + 1)]


def wrong(bench: Warm, scenario: Scenario, count: int | None = None, mutant: str | None = None) -> Iterator[str]:
    """What went wrong at so many moments, or at all."""
    calls, content = bench.record(scenario, mutant)
    chosen = cuts(calls)
    if count is not None:
        # The last moments are those at which most was acknowledged.
        end = chosen[-BY_CHANCE - 1 :]
        chosen = sorted({*random.Random(f"{SEED} {scenario.name}").sample(chosen, min(count, len(chosen))), *end})
    draws = {moment: [draw for _, draw in group] for moment, group in groupby(chosen, key=lambda cut: cut[0])}
    disk = Disk(content, bench.folder / "struck")
    left = bench.folder / "cut"
    for (moment, acknowledged), call in zip(moments(calls), calls, strict=True):
        if call.op is not Op.MARK:
            disk.apply(call)
        for draw in draws.get(moment, []):
            shutil.rmtree(left, ignore_errors=True)
            disk.write(left, random.Random(f"{SEED} {moment} {draw}") if draw else None)
            answer = bench.ask(scenario, look=str(left), acknowledged=acknowledged)
            for violation in answer["violations"]:
                yield f"{scenario.name}, power gone after call {moment} ({call}), draw {draw}: {violation}"


@pytest.mark.slow
@each_scenario
def test_some_cuts(bench: Warm, scenario: Scenario) -> None:
    """A sample of all moments, by a seed (FAULT_SEED), and the last one."""
    found = list(wrong(bench, scenario, CUTS))
    assert found == [], f"FAULT_SEED={SEED}\n" + "\n".join(found)


@pytest.mark.campaign
@each_scenario
def test_all_cuts(bench: Warm, scenario: Scenario) -> None:
    """Every moment, with everything lost and three times with a part of it."""
    found = list(wrong(bench, scenario))
    assert found == [], f"{len(found)} violations\n" + "\n".join(found[:20])
