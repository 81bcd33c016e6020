"""Start-up: whole commands in new processes, against the bare import of a library that they could not do without.

    python benchmarks/startup.py [--rounds 9] [--versions 10000]

Each round runs every command once, in turn; CPU time (user and system) of the process, the median of the ratios per
round. `regtrain models list` reads a registry with that many versions, of one model and of 1,000 models.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from regtrain_registry import Recipe, Registration, Registry
from regtrain_registry.semver import parse_version, sort_key

REGTRAIN = str(Path(sys.executable).with_name("regtrain"))


def cpu(command: list[str], home: Path) -> float:
    """CPU milliseconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "REGTRAIN_HOME": str(home)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def fill(home: Path, models: int, versions: int) -> None:
    """A registry with so many versions, spread over so many models; all but the first of each copied in SQL."""
    registry = Registry(f"sqlite:///{home}/registry.db")
    for number in range(models):
        registry.register(Registration(f"model-{number}", (), Recipe(config={"a": 1}), metrics={"val/loss": 0.1}))
    connection = sqlite3.connect(home / "registry.db")
    names = [row[1] for row in connection.execute("PRAGMA table_info(rt_versions)") if row[1] != "id"]
    found = connection.execute(f"SELECT {', '.join(names)} FROM rt_versions").fetchall()
    for row in found:
        values = dict(zip(names, row, strict=True))
        copies = [
            values | {"number": n, "patch": n, "sort_key": sort_key(parse_version(f"1.0.{n}"))}
            for n in range(2, versions // models + 1)
        ]
        holes = ", ".join(f":{name}" for name in names)
        connection.executemany(f"INSERT INTO rt_versions ({', '.join(names)}) VALUES ({holes})", copies)
    connection.commit()
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--versions", type=int, default=10_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    one, many = folder / "one", folder / "many"
    fill(one, 1, options.versions)
    fill(many, 1000, options.versions)
    commands = {
        "import typer": ([sys.executable, "-c", "import typer"], one),
        "import sqlmodel": ([sys.executable, "-c", "import sqlmodel"], one),
        "regtrain --help": ([REGTRAIN, "--help"], one),
        "models list, 1 model": ([REGTRAIN, "models", "list"], one),
        "models list, 1,000 models": ([REGTRAIN, "models", "list"], many),
    }
    goals = {
        "regtrain --help": ("import typer", 3.0),
        "models list, 1 model": ("import sqlmodel", 1.5),
        "models list, 1,000 models": ("import sqlmodel", 1.5),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, (command, home) in commands.items():
            times[name].append(cpu(command, home))
    missed = False
    for name, seen in times.items():
        line = f"{name:28s} {statistics.median(seen):6.0f} ms"
        if name in goals:
            base, goal = goals[name]
            ratio = statistics.median(a / b for a, b in zip(seen, times[base], strict=True))
            missed |= ratio >= goal
            line += f"  {ratio:4.2f} × {base} (under {goal})"
        print(line)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
