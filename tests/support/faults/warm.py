"""The process that is struck, forked once for each point: `LD_PRELOAD=SHIM python warm.py FOLDER`.

Everything is imported once. Reads requests as lines of JSON and answers each with a line. A request names a
scenario and perhaps a mutant, and is answered from forked children: one takes the steps, another looks at what is left.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from regtrain_registry.db.dialects import sqlite
from regtrain_registry.errors import ConflictError, RegistryError
from support.faults import shim
from support.faults.mutants import MUTANTS
from support.faults.scenarios import ACTIONS, SCENARIOS, Scenario, World
from support.faults.shim import Mode, Strike
from support.faults.whole import State, state, violations

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def in_child(answer: Path, work: Callable[[], Any]) -> Any:
    """What `work` gives in a forked child; None when the child was killed."""
    answer.unlink(missing_ok=True)
    gc.freeze()  # else a collection in the child would touch, and so copy, all that the parent imported
    pid = os.fork()
    if pid == 0:
        try:
            result = work()
        except BaseException:
            result = {"raised": traceback.format_exc()}
        shim.disarm()
        answer.write_text(json.dumps(result))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return None
    return json.loads(answer.read_text())


def share_engines() -> None:
    """One engine for each database, so that children find compiled what their parent has compiled: most of what a
    strike would take otherwise."""
    make, made = sqlite.SQLite.engine, dict[Any, Any]()

    def engine(self: sqlite.SQLite, url: Any) -> Any:
        key = (url, self.timeout)
        if key not in made:
            made[key] = make(self, url)
        return made[key]

    sqlite.SQLite.engine = engine  # type: ignore[method-assign]


class Bench:
    """Templates of scenarios and the folders that are struck."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer = folder / "answer"
        self.acknowledged = folder / "acknowledged"
        self._states: dict[str, list[State]] = {}

    def template(self, scenario: Scenario) -> Path:
        """Where the folder is kept from which the scenario begins."""
        return self.folder / "templates" / scenario.name.replace(" ", "-")

    def states(self, scenario: Scenario) -> list[State]:
        """The state after each number of steps when nothing goes wrong."""
        if scenario.name not in self._states:
            template = self.template(scenario)
            made = in_child(self.answer, lambda: self._rehearse(scenario, template))
            if "raised" in made:
                raise RuntimeError(made["raised"])
            self._states[scenario.name] = made["states"]
            # What a child had to import, the next one finds imported.
            for name in made["modules"]:
                if name not in sys.modules:
                    with suppress(Exception):
                        importlib.import_module(name)
            self._compile(scenario)
        return self._states[scenario.name]

    def _compile(self, scenario: Scenario) -> None:
        """Do all of it in this process, too."""
        world, temporary = self.fresh(scenario), tempfile.tempdir
        tempfile.tempdir = str(world.temporary)
        for step in scenario.steps:
            step(world)
        assert list(violations(world, scenario, self._states[scenario.name], len(scenario.steps))) == []
        tempfile.tempdir = temporary

    def _rehearse(self, scenario: Scenario, template: Path) -> dict[str, Any]:
        shim.arm(self.folder, None)
        scenario.before(World(template))
        world = self.fresh(scenario)
        states = [state(world)]
        for step in scenario.steps:
            step(world)
            states.append(state(world))
        list(violations(world, scenario, states, len(scenario.steps)))
        return {"states": states, "modules": sorted(sys.modules)}

    def fresh(self, scenario: Scenario) -> World:
        """A copy of the template, with nothing acknowledged."""
        shutil.rmtree(self.folder / "struck", ignore_errors=True)
        shutil.copytree(self.template(scenario), self.folder / "struck")
        self.acknowledged.unlink(missing_ok=True)
        return World(self.folder / "struck")

    def steps(self, scenario: Scenario, world: World, mutant: str | None) -> dict[str, Any]:
        """Take the steps until one fails, and that one again when the fault is over."""
        tempfile.tempdir = str(world.temporary)
        if mutant is not None:
            MUTANTS[mutant]()
        for number, step in enumerate(scenario.steps, 1):
            try:
                step(world)
            except Exception as error:
                shim.disarm()
                shim.arm(world.folder, None)
                return self._failed(scenario, world, number, error)
            shim.mark(f"step {number}")
            self.acknowledged.write_text(str(number))
        return {"outcome": "done", "calls": shim.disarm()}

    def _failed(self, scenario: Scenario, world: World, number: int, error: Exception) -> dict[str, Any]:
        found: list[str] = []
        if not isinstance(error, RegistryError):
            found.append("an error that says nothing to a user: " + "".join(traceback.format_exception(error)))
        elif error.exit_code != 5:
            found.append(f"exit code {error.exit_code} for {error!r}")
        if scenario.repeatable:
            try:
                scenario.steps[number - 1](world)
            except ConflictError as conflict:
                found.append(f"taken again in the same process: {conflict!r}")
            else:
                self.acknowledged.write_text(str(number))
        return {"outcome": "error", "error": str(error), "failed_step": number, "violations": found}

    def strike(self, scenario: Scenario, mutant: str | None, strike: Strike | None, log: Path | None) -> dict[str, Any]:
        """Take the steps with the shim armed, then look at what is left."""
        states = self.states(scenario)
        world = self.fresh(scenario)

        def struck() -> dict[str, Any]:
            shim.arm(world.folder, strike, log)
            return self.steps(scenario, world, mutant)

        result = in_child(self.answer, struck) or {"outcome": "killed"}
        found = list(result.pop("violations", []))
        if "raised" in result:
            found.append(result.pop("raised"))
        acknowledged = int(self.acknowledged.read_text()) if self.acknowledged.exists() else 0
        found += self.look(scenario, world, states, acknowledged)
        return result | {"acknowledged": acknowledged, "violations": found}

    def look(self, scenario: Scenario, world: World, states: list[State], acknowledged: int) -> list[str]:
        """What is wrong there, found by a process that knows nothing of the one that was struck."""

        def looking() -> list[str]:
            shim.arm(self.folder, None)
            return list(violations(world, scenario, states, acknowledged))

        found = in_child(self.answer, looking)
        if isinstance(found, dict):
            return [found["raised"]]
        return ["killed while looking"] if found is None else list(found)

    def act(self, world: World, action: str, arguments: list[Any], strike: Strike) -> dict[str, Any]:
        """One single step, struck."""

        def acting() -> dict[str, Any]:
            shim.arm(world.folder, strike)
            try:
                ACTIONS[action](world, world.open(), *arguments)
            except RegistryError as error:
                return {"outcome": "refused", "error": str(error)}
            return {"outcome": "done"}

        answer: dict[str, Any] | None = in_child(self.answer, acting)
        return answer or {"outcome": "killed"}


def main(folder: Path) -> None:
    share_engines()
    bench = Bench(folder)
    for line in sys.stdin:
        request = json.loads(line)
        scenario = BY_NAME.get(request["scenario"], SCENARIOS[0])
        if "act" in request:
            world = World(Path(request["folder"]))
            answer: dict[str, Any] = bench.act(world, request["act"], request["arguments"], Strike(*request["strike"]))
        elif "look" in request:
            states = bench.states(scenario)
            found = bench.look(scenario, World(Path(request["look"])), states, request["acknowledged"])
            answer = {"violations": found}
        else:
            at = request.get("strike")
            strike = None if at is None else Strike(at[0], Mode(at[1]), at[2], at[3])
            log = Path(request["log"]) if request.get("log") else None
            answer = bench.strike(scenario, request.get("mutant"), strike, log)
            answer["template"] = str(bench.template(scenario))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
