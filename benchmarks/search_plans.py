"""Whether the decision of `query/search.py` is worth its code: `python benchmarks/search_plans.py [--copy-to URI]`.

100,000 versions of 1,000 models (filling.py), cut at 50; wall time of the query for ids, the median of `--rounds` warm
runs. `decided` is what a search does. The other columns are one form for all filters: `EXISTS` or `IN (SELECT …)` for
every condition, along the index of the first column of the order; and `IN` with everything sorted. --copy-to: measure
an empty PostgreSQL database in place of SQLite, to which the rows are copied (COPY, then ANALYZE).
Exit code 1: a decided search takes 50 ms or more, except where `FREE` says why.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from filling import fill
from sqlalchemy import Connection

from regtrain_registry import Registry
from regtrain_registry.query import columns, parse_filter, parse_order
from regtrain_registry.query.search import Plan, version_ids
from regtrain_registry.query.tree import comparisons_of

LIMIT, GOAL = 50, 50.0  # versions, milliseconds
BEST = "metrics.val/accuracy desc"
SEARCHES: tuple[tuple[str | None, str | None], ...] = (
    ("metrics.val/accuracy > 0.9", BEST),
    ("metrics.val/accuracy > 0.99999", None),
    ("metrics.val/accuracy > 0.1 and metrics.val/loss < 0.9", None),
    ("metrics.val/accuracy > 0.1 and metrics.val/loss < 0.9", BEST),
    ("metrics.val/accuracy > 0.9 or metrics.val/loss < 0.1", None),
    ("not metrics.val/accuracy > 0.01", None),
    ("params.model.width = 64", None),
    ("params.device = cpu", BEST),
    ("params.optimizer.lr < 0.001", BEST),
    ("params.optimizer.lr < 0.00000001", BEST),
    ("tags.ticket = '500'", None),
    ("tags.ticket = '500'", BEST),
    ("tags.team = 'team-1' or alias = champion", BEST),
    ("not tags.team = 'team-1'", BEST),
    ("alias = champion", BEST),
    ("name = model-7", BEST),
    ("metrics.val/accuracy > 0.8 and params.model.width = 64 and tags.team = 'team-1'", BEST),
    ("status = ready", BEST),
    ("status = archived", BEST),
    ("created_at > 2026-01-02T03:40Z", BEST),
    ("created_at >= 2026-01-01", "created_at desc"),
    (None, BEST),
    (None, "tags.team desc"),
)
FREE = ("params.optimizer.lr < 0.001", "tags.team desc")  # PostgreSQL: 100 values of a parameter; no index by text's C
BOOLEANS = ("gated", "dirty")


def copy(file: Path, uri: str) -> Registry:
    """The rows of a SQLite registry in a PostgreSQL database."""
    registry = Registry(uri, file.parent / "blobs")
    source = sqlite3.connect(file)

    def work(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        for table in ("models", "versions", "aliases", "metrics", "params", "version_params", "tags"):
            rows = source.execute(f"SELECT * FROM rt_{table}")
            names = [column[0] for column in rows.description]
            flags = [name in BOOLEANS for name in names]
            with driver.cursor() as cursor, cursor.copy(f"COPY rt_{table} ({', '.join(names)}) FROM STDIN") as target:
                for row in rows:
                    target.write_row([bool(v) if f and v is not None else v for f, v in zip(flags, row, strict=True)])
        connection.exec_driver_sql("ANALYZE")

    registry._database.write(work)
    return registry


def measure(registry: Registry, wanted: str | None, order: str | None, rounds: int) -> list[float]:
    """Milliseconds of the four forms, in turn."""
    parsed = None if wanted is None else parse_filter(wanted, columns.VERSIONS)
    keys = () if order is None else parse_order(order, columns.VERSIONS)
    every = frozenset(() if parsed is None else comparisons_of(parsed))
    plans = (None, Plan(), Plan(every), Plan(every, along_order=False))

    def work(connection: Connection) -> list[float]:
        times: list[list[float]] = [[] for _ in plans]
        for _ in range(rounds + 1):
            for plan, found in zip(plans, times, strict=True):
                start = time.perf_counter()
                version_ids(connection, parsed, keys, LIMIT, plan=plan)
                found.append((time.perf_counter() - start) * 1000)
        return [statistics.median(found[1:]) for found in times]

    return registry._database.read(work)


def main() -> None:
    parser = argparse.ArgumentParser(description="The decided form of a search beside each form alone.")
    parser.add_argument("--copy-to", metavar="URI", help="an empty PostgreSQL database")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as place:
        registry = fill(Path(place), 1_000, 100_000)
        if options.copy_to:
            registry = copy(Path(place) / "registry.db", options.copy_to)
        print(f"{'milliseconds':90} {'decided':>8} {'EXISTS':>8} {'IN':>8} {'sorted':>8}")
        for wanted, order in SEARCHES:
            found = measure(registry, wanted, order, options.rounds)
            missed |= found[0] >= GOAL and not {wanted, order} & {*FREE}
            name = f"{wanted or 'all'} · {order or 'newest first'}"
            print(f"{name:90} " + " ".join(f"{one:8.1f}" for one in found))
    sys.exit(missed)


if __name__ == "__main__":
    main()
