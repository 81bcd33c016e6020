"""Large registries for the benchmarks: one version is registered, the others are rows like its own, inserted in bulk.

Each version has a config of 49 leaves, of which the learning rate, the seed and the width differ, six metrics, two
tags on every tenth, and an alias on the first of each model.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from regtrain_registry import Recipe, Registration, Registry
from regtrain_registry.json_values import leaves
from regtrain_registry.semver import parse_version, sort_key

PORTION = 5_000
START = datetime(2026, 1, 1)
SECTIONS = ("experiment", "model", "data", "training", "optimizer", "scheduler", "checkpoint")
METRICS = ("val/accuracy", "val/loss", "train/loss", "train/lr", "train/grad_norm", "seconds")


def config(number: int) -> dict[str, Any]:
    """A config as large as that of a small run."""
    tree: dict[str, Any] = {name: {f"option_{n}": f"{name} {n}" for n in range(6)} for name in SECTIONS}
    tree["optimizer"]["lr"] = 10 ** -(1 + number % 400 / 100)
    tree["experiment"]["seed"] = number % 1_000
    tree["model"]["width"] = 2 ** (number % 10)
    return tree | {"name": "bench", "device": "cpu", "precision": 32, "deterministic": True}


def fill(folder: Path, models: int, versions: int) -> Registry:
    """A new registry with `versions` versions that are spread evenly over `models` models."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(f"sqlite:///{folder}/registry.db", folder / "blobs")
    first = Registration("model-0", (), Recipe(config=config(0)), metrics=metrics(0), config=config(0))
    registry.register(first)
    connection = sqlite3.connect(folder / "registry.db")
    connection.execute("PRAGMA synchronous = OFF")
    model = connection.execute("SELECT created_at FROM rt_models").fetchone()[0]
    rows = ((n + 1, f"model-{n}", versions // models + 1, model, 1, "") for n in range(1, models))
    connection.executemany(
        "INSERT INTO rt_models (id, name, next_number, created_at, events, head) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    _insert_versions(connection, models, versions)
    rows = ((model_id, "champion", model_id, model) for model_id in range(1, models + 1))
    connection.executemany("INSERT INTO rt_aliases (model_id, name, version_id, updated_at) VALUES (?, ?, ?, ?)", rows)
    connection.execute("UPDATE rt_models SET next_number = ?", (versions // models + 1,))
    connection.commit()
    connection.close()
    return registry


def metrics(number: int) -> dict[str, float]:
    """Metrics that are spread evenly between 0 and 1, the same for the same number."""
    chance = random.Random(number)
    return {name: chance.random() for name in METRICS}


def _insert_versions(connection: sqlite3.Connection, models: int, versions: int) -> None:
    """Ids go up with the numbers, so that the newest versions of all models have the highest."""
    import json

    connection.row_factory = sqlite3.Row
    template = dict(connection.execute("SELECT * FROM rt_versions").fetchone())
    connection.row_factory = None
    insertion = f"INSERT INTO rt_versions ({', '.join(template)}) VALUES ({', '.join(f':{name}' for name in template)})"
    known = {(n, v): i for i, n, v in connection.execute("SELECT id, name, value FROM rt_params")}
    numbers = iter(range(1, versions))
    while some := list(islice(numbers, PORTION)):
        rows, metric_rows, params, tags = [], [], [], []
        for index in some:
            identity, number = index + 1, index // models + 1
            values, tree = metrics(index), config(index)
            key = sort_key(parse_version(f"1.0.{number - 1}"))
            made = {
                "id": identity,
                "model_id": index % models + 1,
                "number": number,
                "patch": number - 1,
                "sort_key": key,
                "created_at": f"{START + timedelta(seconds=index):%Y-%m-%d %H:%M:%S.%f}",
            }
            rows.append(template | made | {"metrics": json.dumps(values), "config": json.dumps(tree)})
            metric_rows += [(identity, name, value) for name, value in values.items()]
            params += [(_param(connection, known, leaf), identity) for leaf in _leaves(tree)]
            if index % 10 == 0:
                tags += [(identity, "team", f"team-{index % 7}"), (identity, "ticket", str(index))]
        connection.executemany(insertion, rows)
        connection.executemany("INSERT INTO rt_metrics (version_id, name, value) VALUES (?, ?, ?)", metric_rows)
        connection.executemany("INSERT INTO rt_version_params (param_id, version_id) VALUES (?, ?)", sorted(params))
        connection.executemany("INSERT INTO rt_tags (version_id, name, value) VALUES (?, ?, ?)", tags)


def _leaves(tree: dict[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    return ((name, value, number) for name, (value, number) in leaves(tree).items())


def _param(
    connection: sqlite3.Connection, known: dict[tuple[str, str], int], leaf: tuple[str, str, float | None]
) -> int:
    key = leaf[:2]
    if key not in known:
        done = connection.execute("INSERT INTO rt_params (name, value, number) VALUES (?, ?, ?)", leaf)
        assert done.lastrowid is not None
        known[key] = done.lastrowid
    return known[key]
