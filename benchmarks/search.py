"""How fast versions are found: `python benchmarks/search.py [--json] [--rounds 15]`. Exit code 1: a goal is missed.

Registries with 1,000, 10,000 and 100,000 versions of one model, and one with 100,000 versions of 1,000 models, each
version with 49 parameters and six metrics (filling.py). Each registry is opened once, and keeps its connection; wall
time, the median. The calls on the small and on the large registry take turns, so that their ratio is that of one
moment. Searches are cut at 50 versions, which come whole: with files, parents, aliases, tags and marks. `a bare
transaction` changes one row over sqlite3, with the same durability: what is under every change, alias or not.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from filling import fill

from regtrain_registry import Registry

SMALL, MIDDLE, LARGE = 1_000, 10_000, 100_000
CALL_GOAL, GROWTH_GOAL, SEARCH_GOAL = 2.0, 1.5, 20.0  # milliseconds, ratio, milliseconds
BEST = "metrics.val/accuracy desc"
SEARCHES: dict[str, tuple[str | None, str | None]] = {
    "accuracy > 0.9, best first": ("metrics.val/accuracy > 0.9", BEST),
    "accuracy > 0.9, newest first": ("metrics.val/accuracy > 0.9", None),
    "accuracy > 0.99999 (none)": ("metrics.val/accuracy > 0.99999", BEST),
    "accuracy > 0.9 and status, name": ("metrics.val/accuracy > 0.9 and status = ready and name like 'model-%'", BEST),
    "two metrics": ("metrics.val/accuracy > 0.5 and metrics.val/loss < 0.1", BEST),
    "a parameter, newest first": ("params.model.width = 64", None),
    "a parameter's range, by a metric": ("params.optimizer.lr < 0.001", BEST),
    "a tag": ("tags.ticket = '500'", None),
    "one model of 1,000, by a metric": ("name = model-7", BEST),
    "newest first, by date": ("created_at >= 2026-01-01", "created_at desc"),
}


def calls(registry: Registry, file: Path) -> dict[str, Callable[[], Any]]:
    """What is asked of one model all the time."""
    refs = cycle(("model-0/1", "model-0/2"))
    bare = sqlite3.connect(file, isolation_level=None)
    bare.execute("PRAGMA synchronous = EXTRA")

    def change() -> None:
        bare.execute("BEGIN IMMEDIATE")
        bare.execute("UPDATE rt_registry SET seconds = seconds + 1")
        bare.execute("COMMIT")

    return {
        "latest": lambda: registry.resolve("model-0"),
        "by alias": lambda: registry.resolve("model-0@champion"),
        "by range": lambda: registry.resolve("model-0@^1.0"),
        "by version": lambda: registry.resolve("model-0@1.0.7"),
        "set alias": lambda: registry.set_alias(next(refs), "best"),
        "a bare transaction": change,
    }


def elapsed(work: Callable[[], Any]) -> float:
    """Wall time of one call in milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def of_one_model(folder: Path, rounds: int) -> dict[str, float]:
    """The calls in three sizes, in turn."""
    files = {size: folder / str(size) / "registry.db" for size in (SMALL, MIDDLE, LARGE)}
    sizes = {size: calls(fill(file.parent, 1, size), file) for size, file in files.items()}
    result = {}
    for name in sizes[SMALL]:
        times: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(rounds + 1):
            for size, works in sizes.items():
                times[size].append(elapsed(works[name]))
        seen = {size: found[1:] for size, found in times.items()}  # the first call compiles the statements
        result |= {f"{name}, {size:,} versions (ms)": statistics.median(found) for size, found in seen.items()}
        ratios = [large / small for large, small in zip(seen[LARGE], seen[SMALL], strict=True)]
        result[f"{name}, 100,000 (× 1,000)"] = statistics.median(ratios)
    return result


def of_many_models(folder: Path, rounds: int) -> dict[str, float]:
    """Searches over all of them."""
    registry = fill(folder / "many", 1_000, LARGE)
    result = {}
    for name, (wanted, order) in SEARCHES.items():
        times = [elapsed(lambda w=wanted, o=order: registry.search(w, o, 50)) for _ in range(rounds + 1)]
        result[f"search: {name} (ms)"] = statistics.median(times[1:])
    times = [elapsed(registry.models) for _ in range(rounds + 1)]
    return result | {"models() (ms)": statistics.median(times[1:])}


def goal_of(name: str) -> float | None:
    """What is not to be reached."""
    if "bare" in name:
        return None
    if "(× 1,000)" in name:
        return GROWTH_GOAL
    if "10,000 versions (ms)" in name and "100,000" not in name:
        return CALL_GOAL
    return SEARCH_GOAL if name.startswith("search: ") and "parameter" not in name else None


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast versions are found.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        result = of_one_model(Path(place), options.rounds) | of_many_models(Path(place), options.rounds)
    if options.json:
        print(json.dumps(result))
    missed = False
    for name, value in result.items():
        goal = goal_of(name)
        missed |= goal is not None and value > goal
        if not options.json:
            print(f"{name:48} {value:8.2f}" + (f"   goal: at most {goal}" if goal else ""))
    sys.exit(missed)


if __name__ == "__main__":
    main()
