"""How fast the registry is: `python benchmarks/registry.py [--json]`.

Registering is compared with one bare sqlite3 transaction (rollback journal, synchronous FULL) that inserts
the same rows into the same tables; listing is timed with 10,000 versions, of one model and of 1,000 models.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regtrain_registry import ArtifactKind, FileToStore, Recipe, Registration, Registry
from regtrain_registry.semver import parse_version, sort_key

VERSIONS = 10_000
CONFIG = {"optimizer": {"name": "AdamW", "lr": 0.001}, "training": {"epochs": 3, "batch_size": 32}}
METRICS = {"val/accuracy": 0.98, "val/loss": 0.06}
STATE = {f"layers.{n}.weight": [[64, 64], "float32"] for n in range(20)}


def milliseconds(work: Callable[[], Any], repeat: int) -> float:
    """Median wall time of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def registering(folder: Path) -> dict[str, float]:
    """One registration without files, with two files, and the same rows by a bare transaction."""
    uri = f"sqlite:///{folder}/registry.db"
    registry = Registry(uri)
    recipe = Recipe(config=CONFIG, state=STATE)
    for number in range(2):
        (folder / f"file-{number}").write_bytes(bytes([number]) * 10_000)
    files = tuple(FileToStore(folder / f"file-{n}", f"file-{n}", ArtifactKind.OTHER) for n in range(2))
    registry.register(Registration("digits", files, recipe, metrics=METRICS))
    rows = Registration("digits", (), recipe, metrics=METRICS)
    both = Registration("digits", files, recipe, metrics=METRICS)
    raw = Raw(folder / "registry.db")
    result = {
        "raw_transaction_ms": milliseconds(raw.insert, 50),
        "register_rows_ms": milliseconds(lambda: registry.register(rows), 50),
        "register_two_files_ms": milliseconds(lambda: registry.register(both), 50),
    }
    raw.connection.close()
    return result | {"ratio": result["register_rows_ms"] / result["raw_transaction_ms"]}


class Raw:
    """Copies of the newest version's row, numbered on, each in a transaction of its own."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA foreign_keys = ON")
        names = [row[1] for row in self.connection.execute("PRAGMA table_info(rt_versions)") if row[1] != "id"]
        row = self.connection.execute(f"SELECT {', '.join(names)} FROM rt_versions").fetchone()
        self.row = dict(zip(names, row, strict=True))
        self.insertion = f"INSERT INTO rt_versions ({', '.join(names)}) VALUES ({', '.join(f':{n}' for n in names)})"
        self.number = 1

    def insert(self) -> None:
        """Lock and count like a registration, insert the row, commit."""
        self.number += 1
        version = parse_version(f"1.0.{self.number}")
        row = self.row | {"number": self.number, "patch": version.patch, "sort_key": sort_key(version)}
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("UPDATE rt_models SET next_number = next_number + 1 WHERE name = 'digits'")
        self.connection.execute(self.insertion, row)
        self.connection.execute("COMMIT")


def listing(folder: Path, models: int) -> dict[str, float]:
    """`models` with 10,000 versions that are spread over so many models."""
    registry = Registry(f"sqlite:///{folder}/registry.db")
    for number in range(models):
        registry.register(Registration(f"model-{number}", (), Recipe(config=CONFIG), metrics=METRICS))
    connection = sqlite3.connect(folder / "registry.db")
    names = [row[1] for row in connection.execute("PRAGMA table_info(rt_versions)") if row[1] != "id"]
    found = connection.execute(f"SELECT {', '.join(names)} FROM rt_versions").fetchall()
    rows = []
    for row in found:
        values = dict(zip(names, row, strict=True))
        for number in range(2, VERSIONS // models + 1):
            key = sort_key(parse_version(f"1.0.{number}"))
            rows.append(values | {"number": number, "patch": number, "sort_key": key})
    placeholders = ", ".join(f":{name}" for name in names)
    connection.executemany(f"INSERT INTO rt_versions ({', '.join(names)}) VALUES ({placeholders})", rows)
    connection.commit()
    connection.close()
    assert sum(model.versions for model in registry.models()) == VERSIONS
    label = f"{models}_models"
    return {
        f"list_{label}_ms": milliseconds(registry.models, 20),
        f"resolve_{label}_ms": milliseconds(lambda: registry.resolve("model-0"), 20),
        f"versions_{label}_ms": milliseconds(lambda: registry.versions("model-0"), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the registry is.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    as_json = parser.parse_args().json
    result: dict[str, float] = {}
    for part in (registering, lambda folder: listing(folder, 1), lambda folder: listing(folder, 1000)):
        with tempfile.TemporaryDirectory() as folder:
            result |= part(Path(folder))
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:28} {value:10.2f}")


if __name__ == "__main__":
    main()
