"""How fast the registry is: `python benchmarks/registry.py [--json] [--rounds 200]`. Exit code 1: a goal is missed.

Registering is compared with one bare sqlite3 transaction of the same durability. Both sides write to a file of
their own in the same folder, with the schema of the registry, rollback journal, synchronous EXTRA and foreign keys.

raw, rows          on a connection that stays open: BEGIN IMMEDIATE, the model's counters plus one, INSERT of the rows
                   of a version that was registered before (itself, metrics, parameters, event: JSON texts and
                   hashes as they are, only ids, numbers and sort key new), COMMIT.
register, rows     `Registry.register` of the same metrics and recipe without files: opens a connection, and does all
                   that registering does (compares the recipes, chooses the version, answers with its value).
raw, two files     the same transaction with the rows of two artifacts, after the folder of the blobs was synchronised.
register, two files   `Registry.register` with two files of 10 kB that the store has already: reads and hashes them,
                   synchronises the folder, looks for the blobs, and all that is done without files.

Each round does each of the four once, in turn; a ratio is the median of the ratios of the rounds. Reading is timed
with 10,000 versions, of one model and of 1,000 models.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from regtrain_registry import ArtifactKind, FileToStore, Recipe, Registration, Registry
from regtrain_registry.semver import parse_version, sort_key

VERSIONS = 10_000
GOAL = 3.0  # times the raw transaction
CONFIG = {"optimizer": {"name": "AdamW", "lr": 0.001}, "training": {"epochs": 3, "batch_size": 32}}
METRICS = {"val/accuracy": 0.98, "val/loss": 0.06}
STATE = {f"layers.{n}.weight": [[64, 64], "float32"] for n in range(20)}


def elapsed(work: Callable[[], Any]) -> float:
    """Wall time of one call in milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def median(work: Callable[[], Any], repeat: int) -> float:
    """Median wall time of a call in milliseconds."""
    return statistics.median(elapsed(work) for _ in range(repeat))


def files_of_ten_kilobytes(folder: Path, count: int) -> tuple[FileToStore, ...]:
    """New files in a new folder, as they are registered."""
    folder.mkdir()
    paths = [folder / f"file-{number}" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 10_000)
    return tuple(FileToStore(path, path.name, ArtifactKind.OTHER) for path in paths)


def registering(folder: Path, rounds: int) -> dict[str, float]:
    """Median times of the four in milliseconds, and the two ratios."""
    two_files = files_of_ten_kilobytes(folder / "files", 2)
    recipe = Recipe(config=CONFIG, state=STATE)
    rows, files = (Registration("digits", some, recipe, metrics=METRICS) for some in ((), two_files))
    registry = Registry(f"sqlite:///{folder}/registry.db", folder / "blobs")
    for database in (registry, Registry(f"sqlite:///{folder}/raw.db", folder / "blobs")):
        database.register(files)
    raw = Raw(folder / "raw.db", folder / "blobs" / "sha256")
    sides = {
        "raw, rows": raw.insert,
        "register, rows": lambda: registry.register(rows),
        "raw, two files": raw.insert_with_files,
        "register, two files": lambda: registry.register(files),
    }
    for work in sides.values():
        work()  # statements are compiled by the first call
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            times[name].append(elapsed(work))
    raw.connection.close()
    result = {f"{name} (ms)": statistics.median(seen) for name, seen in times.items()}
    for part in ("rows", "two files"):
        pairs = zip(times[f"register, {part}"], times[f"raw, {part}"], strict=True)
        result[f"register, {part} (× raw)"] = statistics.median(ours / bare for ours, bare in pairs)
    return result


class Raw:
    """Copies of the version that is there, numbered on, each in a transaction of its own."""

    def __init__(self, file: Path, blobs: Path) -> None:
        self.blobs = blobs
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = EXTRA")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.row, self.insertion = stored_version(self.connection)
        self.artifacts = self._rows_of_the_first("rt_artifacts")
        self.others = [self._rows_of_the_first(table) for table in ("rt_metrics", "rt_version_params")]
        query = "SELECT model_id, at, who, kind, version, hash, facts FROM rt_events"
        self.event = self.connection.execute(query).fetchone()
        self.number = 1

    def _rows_of_the_first(self, table: str) -> tuple[str, list[tuple[Any, ...]]]:
        """The first version's rows in a table without their `version_id`, and the statement that inserts such rows."""
        described = self.connection.execute(f"PRAGMA table_info({table})")
        names = [row[1] for row in described if row[1] != "version_id"]
        rows = self.connection.execute(f"SELECT {', '.join(names)} FROM {table} WHERE version_id = 1").fetchall()
        holes = ", ".join("?" * (len(names) + 1))
        return f"INSERT INTO {table} (version_id, {', '.join(names)}) VALUES ({holes})", rows

    def insert(self) -> int:
        """Lock and count like a registration, insert the row, commit; the row's id."""
        self.connection.execute("BEGIN IMMEDIATE")
        version = self._insert_version()
        self.connection.execute("COMMIT")
        return version

    def insert_with_files(self) -> None:
        """The same with the rows of the artifacts; the folder of their blobs is synchronised before."""
        handle = os.open(self.blobs, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        self.connection.execute("BEGIN IMMEDIATE")
        self._insert_rows(self._insert_version(), self.artifacts)
        self.connection.execute("COMMIT")

    def _insert_version(self) -> int:
        self.number += 1
        counted = "UPDATE rt_models SET next_number = next_number + 1, events = events + 1 WHERE name = 'digits'"
        self.connection.execute(counted)
        inserted = self.connection.execute(self.insertion, self.row | numbered(self.number))
        assert inserted.lastrowid is not None
        for rows in self.others:
            self._insert_rows(inserted.lastrowid, rows)
        names = "seq, model_id, at, who, kind, version, hash, facts"
        insertion = f"INSERT INTO rt_events ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        self.connection.execute(insertion, (self.number, *self.event))
        return inserted.lastrowid

    def _insert_rows(self, version: int, rows: tuple[str, list[tuple[Any, ...]]]) -> None:
        insertion, values = rows
        self.connection.executemany(insertion, [(version, *row) for row in values])


def stored_version(connection: sqlite3.Connection) -> tuple[dict[str, Any], str]:
    """The first version's row without its id, and the statement that inserts such a row."""
    names = [row[1] for row in connection.execute("PRAGMA table_info(rt_versions)") if row[1] != "id"]
    row = connection.execute(f"SELECT {', '.join(names)} FROM rt_versions").fetchone()
    holes = ", ".join(f":{name}" for name in names)
    return dict(zip(names, row, strict=True)), f"INSERT INTO rt_versions ({', '.join(names)}) VALUES ({holes})"


def numbered(number: int) -> dict[str, Any]:
    """The columns that tell the n-th version from the first."""
    return {"number": number, "patch": number, "sort_key": sort_key(parse_version(f"1.0.{number}"))}


def filled(folder: Path, models: int) -> Registry:
    """A registry with 10,000 versions that are spread over so many models; all but the first of each copied in SQL."""
    registry = Registry(f"sqlite:///{folder}/registry.db")
    for number in range(models):
        registry.register(Registration(f"model-{number}", (), Recipe(config=CONFIG), metrics=METRICS))
    connection = sqlite3.connect(folder / "registry.db")
    row, insertion = stored_version(connection)
    owners = [owner for (owner,) in connection.execute("SELECT id FROM rt_models ORDER BY id")]
    each = range(2, VERSIONS // models + 1)
    copies = (row | {"model_id": owner} | numbered(number) for owner in owners for number in each)
    connection.executemany(insertion, copies)
    connection.commit()
    connection.close()
    assert sum(model.versions for model in registry.models()) == VERSIONS
    return registry


def reading(folder: Path, models: int) -> dict[str, float]:
    """Lists, `resolve` and `set_alias` in such a registry; milliseconds."""
    registry = filled(folder, models)
    refs = cycle(("model-0@1.0.0", "model-0@1.0.2"))
    calls: dict[str, tuple[Callable[[], Any], int]] = {
        "models()": (registry.models, 20),
        "versions(model)": (lambda: registry.versions("model-0"), 9),
        "resolve(model)": (lambda: registry.resolve("model-0"), 50),
        "resolve(model@^1.0)": (lambda: registry.resolve("model-0@^1.0"), 50),
        "set_alias(ref, name)": (lambda: registry.set_alias(next(refs), "champion"), 50),
    }
    label = "1 model" if models == 1 else f"{models:,} models"
    return {f"{name}, {label} (ms)": median(work, repeat) for name, (work, repeat) in calls.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the registry is.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    result: dict[str, float] = {}
    parts: list[Callable[[Path], dict[str, float]]] = [
        lambda folder: registering(folder, options.rounds),
        lambda folder: reading(folder, 1),
        lambda folder: reading(folder, 1000),
    ]
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            result |= part(Path(folder))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:36} {value:8.2f}" + (f"   goal: under {GOAL}" if "× raw" in name else ""))
    sys.exit(any(value >= GOAL for name, value in result.items() if "× raw" in name))


if __name__ == "__main__":
    main()
