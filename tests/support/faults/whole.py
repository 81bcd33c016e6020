"""What must hold of a registry after any fault: first its files and rows, then its public methods."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from regtrain_registry.errors import ConflictError
from support.faults.scenarios import MODEL, Scenario, World

State = dict[str, list[str]]

VOLATILE = {"hash", "head", "facts", "expired_tick"}  # what times go into
OWN_TABLES = {"rt_registry"}  # who it is, and how much time it saw


def state(world: World) -> State:
    """Every row of every table without its times, and what lies in `made`."""
    found = _tables(world.database, "")
    for path in sorted(world.made.iterdir()):
        if path.suffix == ".db":
            found |= _tables(path, f"{path.name} ")
        elif not path.name.startswith("."):
            found[path.name] = [hashlib.sha256(path.read_bytes()).hexdigest()]
    return found


def _tables(database: Path, prefix: str) -> State:
    """Those of a database file; nothing where there is none."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {prefix + name: _rows(connection, name) for name in sorted(set(names) - OWN_TABLES)}


def _rows(connection: sqlite3.Connection, table: str) -> list[str]:
    described = connection.execute(f"PRAGMA table_info({table})").fetchall()
    kept = [row[1] for row in described if "DATE" not in row[2] and row[1] not in VOLATILE]
    selected = connection.execute(f"SELECT {', '.join(kept)} FROM {table}")
    return sorted(json.dumps(row) for row in selected)


def violations(world: World, scenario: Scenario, states: Sequence[State], acknowledged: int) -> Iterator[str]:
    """What is wrong, if anything; where nothing is, the registry is also asked to go on.

    states: after each number of steps; acknowledged: how many steps returned.
    """
    standing = list(_standing(world, scenario, states, acknowledged))
    yield from standing
    if not standing:
        yield from _again(world, scenario, states, acknowledged)
        yield from _going_on(world)


def _standing(world: World, scenario: Scenario, states: Sequence[State], acknowledged: int) -> Iterator[str]:
    if world.database.exists():
        with closing(sqlite3.connect(world.database)) as connection:
            checked = connection.execute("PRAGMA integrity_check").fetchall()
            dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
        if checked != [("ok",)] or dangling:
            yield f"the database is damaged: {checked} {dangling}"
            return
    after = min(acknowledged + 1, len(states) - 1)
    found = state(world)
    if scenario.whole_steps and found not in (states[acknowledged], states[after]):
        yield f"neither before nor after step {acknowledged + 1}: {difference(found, states[after])}"
    if not scenario.whole_steps and acknowledged == len(scenario.steps) and found != states[after]:
        yield f"acknowledged, but not there: {difference(found, states[after])}"
    yield from _damaged_blobs(world)
    yield from _behind_the_door(world)


def _again(world: World, scenario: Scenario, states: Sequence[State], acknowledged: int) -> Iterator[str]:
    """The step that was interrupted, taken again."""
    if not scenario.repeatable or acknowledged == len(scenario.steps):
        return
    scenario.steps[acknowledged](world)
    if (found := state(world)) != states[acknowledged + 1]:
        yield f"step {acknowledged + 1} taken again: {difference(found, states[acknowledged + 1])}"


def difference(found: State, expected: State) -> str:
    """The rows that are only in one of them."""
    lines = [
        f"{sign} {table} {row[:200]}"
        for table in sorted(found.keys() | expected.keys())
        for sign, one, other in (("+", found, expected), ("-", expected, found))
        for row in one.get(table, [])
        if row not in other.get(table, [])
    ]
    return "; ".join(lines[:6])


def _damaged_blobs(world: World) -> Iterator[str]:
    for blob in sorted(world.blobs.glob("*")):
        if hashlib.sha256(blob.read_bytes()).hexdigest() != blob.name:
            yield f"blob {blob.name[:12]} does not have its digest"


def _behind_the_door(world: World) -> Iterator[str]:
    registry = world.open()
    for model in registry.models():
        versions = registry.versions(model.name)
        numbers = sorted(version.number for version in versions)
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{model.name} has the numbers {numbers}"
        for version in versions:
            if version.status == "collected":
                continue
            for artifact in version.artifacts:  # each is read to its end, against its digest
                registry.open_artifact(f"{model.name}/{version.number}", artifact.path)
    report = registry.fsck()
    if not report.ok:
        yield f"fsck: {report.problems}"


def _going_on(world: World) -> Iterator[str]:
    registry = world.open()
    there = [model.versions for model in registry.models() if model.name == MODEL]
    expected = (there[0] if there else 0) + 1
    try:
        number = world.register(7, idempotency_key="the next one").number
    except ConflictError as error:
        yield f"no next version: {error}"
    else:
        if number != expected:
            yield f"the next version has number {number}, not {expected}"
