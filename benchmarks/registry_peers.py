"""regtrain's registry beside MLflow's: `python benchmarks/registry_peers.py --mlflow VENV/bin/python [--server]`.

MLflow is not needed by regtrain, so it lives in an environment of its own, outside of the checkout:

    python -m venv /tmp/mlflow && /tmp/mlflow/bin/pip install mlflow
    python benchmarks/registry_peers.py --mlflow /tmp/mlflow/bin/python

Both sides use SQLite as they find it (rollback journal; synchronous FULL, ours EXTRA) in the same folder, in processes
of their own that answer in turn, call by call. Each has one model with 10,000 versions: the first registered, the
others rows like it. `latest` of MLflow is `get_latest_versions`; `by search` asks for the versions in descending order,
cut at one.

--server: 16 processes register versions of one model, each ten. MLflow's write through `mlflow server` on SQLite,
ours straight into SQLite, and into PostgreSQL and MariaDB where their programs are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

VERSIONS = 10_000
PROCESSES, EACH = 16, 10
GOALS = {"register": 1.0, "set alias": 100.0, "latest": 100.0}  # times faster than MLflow, at least


def regtrain_calls(folder: Path) -> dict[str, Callable[[], Any]]:
    """Ours, on a registry of the same size."""
    from filling import fill

    from regtrain_registry import Recipe, Registration

    registry = fill(folder / "regtrain", 1, VERSIONS)
    refs = cycle(("model-0/1", "model-0/2"))
    registration = Registration("model-0", (), Recipe(config={"lr": 0.1}), metrics={"acc": 0.9})
    return {
        "register": lambda: registry.register(registration),
        "set alias": lambda: registry.set_alias(next(refs), "best"),
        "by alias": lambda: registry.resolve("model-0@champion"),
        "latest": lambda: registry.resolve("model-0"),
        "by range": lambda: registry.resolve("model-0@^1.0"),
    }


def mlflow_calls(folder: Path) -> dict[str, Callable[[], Any]]:
    """MLflow's client on its own database."""
    from mlflow import MlflowClient  # type: ignore[import-not-found]

    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("model-0")
    client.create_model_version("model-0", f"file://{folder}/files", tags={"acc": "0.9"})
    connection = sqlite3.connect(folder / "mlflow.db")
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM model_versions").fetchone())
    insertion = f"INSERT INTO model_versions ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"
    connection.executemany(insertion, (row | {"version": number} for number in range(2, VERSIONS + 1)))
    connection.commit()
    connection.close()
    client.set_registered_model_alias("model-0", "champion", "1")
    numbers = cycle(("1", "2"))
    newest = {"max_results": 1, "order_by": ["version_number DESC"]}
    return {
        "register": lambda: client.create_model_version("model-0", f"file://{folder}/files", tags={"acc": "0.9"}),
        "set alias": lambda: client.set_registered_model_alias("model-0", "best", next(numbers)),
        "by alias": lambda: client.get_model_version_by_alias("model-0", "champion"),
        "latest": lambda: client.get_latest_versions("model-0"),
        "latest, by search": lambda: client.search_model_versions("name = 'model-0'", **newest),
    }


def answer(side: str, folder: Path) -> None:
    """In a child: for each name of a call on standard input, its milliseconds on standard output."""
    works = (mlflow_calls if side == "mlflow" else regtrain_calls)(folder)
    print(json.dumps(list(works)), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        works[line.strip()]()
        print((time.perf_counter() - start) * 1000, flush=True)


class Side:
    """A child process that answers."""

    def __init__(self, python: str, name: str, folder: Path) -> None:
        command = [python, __file__, "--side", name, "--folder", str(folder)]
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=environment, **pipes)
        self.calls: list[str] = json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.process.args!r} ended with {self.process.wait()}"
        return line

    def time(self, call: str) -> float:
        """Milliseconds of one call there."""
        assert self.process.stdin is not None
        print(call, file=self.process.stdin, flush=True)
        return float(self._line())

    def end(self) -> None:
        """Let it go."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def call_by_call(mlflow: str, rounds: int) -> dict[str, float]:
    """Both sides in turn; the first round compiles the statements."""
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = Side(sys.executable, "regtrain", Path(place)), Side(mlflow, "mlflow", Path(place))
        times: dict[str, list[float]] = {}
        for number in range(rounds + 1):
            for side, who in ((ours, "regtrain"), (theirs, "mlflow")):
                for call in side.calls:
                    took = side.time(call)
                    if number:
                        times.setdefault(f"{who}: {call} (ms)", []).append(took)
        ours.end()
        theirs.end()
    result = {name: statistics.median(seen) for name, seen in times.items()}
    for call in theirs.calls:
        ours_of_it = result[f"regtrain: {call.partition(',')[0]} (ms)"]
        result[f"{call} (× faster)"] = result[f"mlflow: {call} (ms)"] / ours_of_it
    return result


REGTRAIN_MANY = """
import sys
from regtrain_registry import Recipe, Registration, Registry
registry = Registry(sys.argv[1], sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    print(registry.register(Registration("digits", (), Recipe(config={"lr": 0.1}), metrics={"acc": 0.9})).number)
"""
MLFLOW_MANY = """
import sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    print(client.create_model_version("digits", "s3://bucket/files", tags={"acc": "0.9"}).version)
"""


def together(python: str, program: str, uri: str, folder: Path) -> float:
    """Versions a second of all processes together; every one must succeed, without a gap in the numbers."""
    command = [python, "-c", program, uri, str(folder), str(EACH)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    children = [subprocess.Popen(command, text=True, env=environment, **pipes) for _ in range(PROCESSES)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n", child.communicate()[1]
    start = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate() for child in children]
    took = time.perf_counter() - start
    numbers = sorted(int(line) for output, _ in answers for line in output.split())
    assert numbers == list(range(1, PROCESSES * EACH + 1)), [error[-500:] for _, error in answers]
    return PROCESSES * EACH / took


@contextmanager
def mlflow_server(python: str, folder: Path) -> Iterator[str]:
    """`mlflow server` on SQLite with its own number of workers; the URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], cwd=folder, **quiet) as server:
        try:
            prepared = (
                "import sys, mlflow; mlflow.MlflowClient(sys.argv[1], sys.argv[1]).create_registered_model('digits')"
            )
            for _ in range(120):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(1)
            subprocess.run([python, "-c", prepared, url], check=True, stderr=subprocess.DEVNULL)
            yield url
        finally:
            os.killpg(server.pid, 15)


def of_the_tests(name: str) -> Any:
    """A module of the tests, which know how to start database servers; a name there is that of a script here."""
    path = Path(__file__).parents[1] / "tests" / "registry" / f"{name}.py"
    found = importlib.util.spec_from_file_location(f"tests_{name}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def at_once(mlflow: str) -> dict[str, float]:
    """Sixteen writers of one model, on each database and through MLflow's server."""
    from regtrain_registry import Registry

    servers, places = of_the_tests("servers"), of_the_tests("places")
    result = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        uris = {"SQLite": f"sqlite:///{folder}/registry.db"}
        for name, start in (("PostgreSQL", servers.postgresql), ("MariaDB", servers.mariadb)):
            with suppress(servers.pytest.skip.Exception):
                uris[name] = stack.enter_context(places.database_on(stack.enter_context(start()), folder)).uri
        for name, uri in uris.items():
            Registry(uri, folder / "blobs")
            result[f"regtrain, {name} (versions a second)"] = together(
                sys.executable, REGTRAIN_MANY, uri, folder / "blobs"
            )
        url = stack.enter_context(mlflow_server(mlflow, folder))
        result["MLflow's server, SQLite (versions a second)"] = together(mlflow, MLFLOW_MANY, url, folder)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="The registry beside MLflow's.")
    parser.add_argument("--mlflow", metavar="PYTHON", help="the python of an environment with mlflow")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--server", action="store_true", help="16 processes at once, and MLflow's server")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        answer(options.side, options.folder)
        return
    if not options.mlflow:
        parser.error("--mlflow is needed: the python of an environment with mlflow")
    result = at_once(options.mlflow) if options.server else call_by_call(options.mlflow, options.rounds)
    for name, value in result.items():
        goal = GOALS.get(name.removesuffix(" (× faster)")) if name.endswith("faster)") else None
        print(f"{name:48} {value:10.2f}" + (f"   goal: at least {goal:.0f}" if goal else ""))
    sys.exit(any(result.get(f"{call} (× faster)", goal) < goal for call, goal in GOALS.items()))


if __name__ == "__main__":
    main()
