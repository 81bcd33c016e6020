"""Points at which to strike, a sample of them, and the warm process that strikes."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.faults.scenarios import Scenario
from support.faults.shim import Call, Mode, Op, Strike, read_log

SEED = int(os.environ.get("FAULT_SEED", "20261120"))
FULL = (errno.ENOSPC, errno.EDQUOT)
SLOW = (Op.OPEN, Op.WRITE, Op.SYNC, Op.TRUNCATE)  # what a signal can interrupt


@dataclass(frozen=True, slots=True)
class Point:
    """A strike, with the call that it strikes and the step, from 1, in which that call is made."""

    strike: Strike
    call: Call
    before: Call | None
    step: int

    def __str__(self) -> str:
        strike = self.strike
        what = strike.mode.name.lower()
        if strike.error:
            what = errno.errorcode[strike.error] + (" from then on" if strike.lasting else "")
        return f"step {self.step}, call {strike.at} ({self.call}): {what}"


class Warm:
    """The process of warm.py."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self.folder = folder
        self._recorded: dict[tuple[str, str | None], tuple[list[Call], Path]] = {}

    def ask(self, scenario: Scenario | None, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"scenario": scenario and scenario.name, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the warm process ended; what it said stands above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def act(self, folder: Path, action: str, arguments: list[Any], at: int, mode: Mode) -> dict[str, Any]:
        """A single step, struck at one of its calls if there are so many."""
        return self.ask(None, folder=str(folder), act=action, arguments=arguments, strike=[at, int(mode)])

    def record(self, scenario: Scenario, mutant: str | None = None) -> tuple[list[Call], Path]:
        """All calls of an undisturbed run, marks among them, and the folder that it began from."""
        if (scenario.name, mutant) not in self._recorded:
            self._recorded[scenario.name, mutant] = self._record(scenario, mutant)
        return self._recorded[scenario.name, mutant]

    def _record(self, scenario: Scenario, mutant: str | None) -> tuple[list[Call], Path]:
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        answer = self.ask(scenario, log=str(log), mutant=mutant)
        if mutant is None:
            assert answer["violations"] == [], answer
        assert answer["outcome"] == "done", answer
        return list(read_log(log)), Path(answer["template"])

    def strike(self, scenario: Scenario, point: Point, mutant: str | None = None) -> list[str]:
        """What went wrong at this point."""
        strike = point.strike
        asked = [strike.at, int(strike.mode), strike.error, strike.lasting]
        answer = self.ask(scenario, strike=asked, mutant=mutant)
        found = list(answer["violations"])
        failed = answer.get("failed_step")
        if point.call.op is Op.SYNC and strike.error == errno.EIO and failed != point.step and not _is_sqlites(point):
            found.append("a failed fsync was acknowledged")
        return [f"{scenario.name}, {point}: {violation}" for violation in found]


def _is_sqlites(point: Point) -> bool:
    """SQLite does not ask whether its journal's name became durable; when it matters, the journal is gone again."""
    return bool(point.call.created) and point.before is not None and point.before.path.endswith("-journal")


@contextmanager
def warm(library: Path, folder: Path) -> Iterator[Warm]:
    """A warm process that works in a folder."""
    command = [sys.executable, str(Path(__file__).with_name("warm.py")), str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGTRAIN_")}
    places = {"TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder)}
    environment = kept | places | {"LD_PRELOAD": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield Warm(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def _calls(calls: Sequence[Call]) -> Iterator[tuple[int, Call, Call | None, int]]:
    """Number, call, the call before, and step of each call that is counted."""
    number, step, before = 0, 1, None
    for call in calls:
        if call.op is Op.MARK:
            step += 1
            continue
        number += 1
        yield number, call, before, step
        before = call


def kills(calls: Sequence[Call]) -> list[Point]:
    """Death before and after each call, and halfway through each write."""
    return [
        Point(Strike(number, mode), call, before, step)
        for number, call, before, step in _calls(calls)
        for mode in (Mode.BEFORE, Mode.AFTER, Mode.HALF)
        if mode is not Mode.HALF or (call.op is Op.WRITE and len(call.data) > 1)
    ]


def refusals(calls: Sequence[Call]) -> list[Point]:
    """Each call refused: a full disk or quota, a disk that fails or became read-only, a signal, a short write."""
    return [
        Point(strike, call, before, step)
        for number, call, before, step in _calls(calls)
        for strike in _refused(number, call)
    ]


def _refused(number: int, call: Call) -> Iterator[Strike]:
    for error in (*FULL, errno.EIO, errno.EROFS):
        if call.op in (Op.UNLINK, Op.RMDIR) and error in FULL:
            continue
        yield Strike(number, Mode.FAIL, error)
        yield Strike(number, Mode.FAIL, error, lasting=True)
    if call.op in SLOW:
        yield Strike(number, Mode.FAIL, errno.EINTR)
    if call.op is Op.WRITE and len(call.data) > 1:
        yield Strike(number, Mode.SHORT)


def sample(points: Sequence[Point], count: int, name: str) -> list[Point]:
    """So many of them, by the seed and the scenario's name, in their order."""
    chosen = random.Random(f"{SEED} {name}").sample(range(len(points)), min(count, len(points)))
    return [points[n] for n in sorted(chosen)]
