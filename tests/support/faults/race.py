"""Processes that register at once on one model: `python race.py URI FOLDER PROCESSES COUNT [--mutant M] [--persistent]`.

Each version that was acknowledged is printed as one line: the key of its registration, and its number. A persistent
process goes on when the database is away: it sends the same registration again until it is answered.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import regtrain_registry.ops.register  # noqa: F401 - so that the children find it imported
from regtrain_registry import FileToStore, Registration, Registry, VersionInfo
from regtrain_registry.errors import RegistryError
from support.faults.mutants import MUTANTS
from support.faults.scenarios import MODEL

TRIES = 3000
PAUSE = 0.02  # seconds until a client knocks again
LOST = 5  # of so many answers one is lost
PATIENCE = 300.0  # seconds: a slow machine is no failure


def open_registry(arguments: argparse.Namespace) -> Registry:
    return Registry(arguments.uri, arguments.folder / "blobs", lock_timeout=PATIENCE)


def register(arguments: argparse.Namespace, key: str, file: Path) -> VersionInfo:
    request = Registration(MODEL, (FileToStore(file, "model.bin"),), idempotency_key=key)
    if not arguments.persistent:
        return open_registry(arguments).register(request)
    for attempt in range(TRIES):
        try:
            with losing_answers(registry := open_registry(arguments), attempt == 0 and hash_of(key) % LOST == 0):
                return registry.register(request)
        except RegistryError as error:
            if error.exit_code != 5:
                raise
            time.sleep(PAUSE)
    raise TimeoutError(f"{key} was not answered in {TRIES} tries")


def hash_of(key: str) -> int:
    return sum(key.encode())


@contextmanager
def losing_answers(registry: Registry, active: bool) -> Any:
    """The connection breaks when the commit is done and not yet answered."""
    dialect = registry._database._engine.dialect
    commit = dialect.do_commit

    def done_but_unsaid(connection: Any) -> None:
        commit(connection)
        connection.dbapi_connection.close()
        raise dialect.dbapi.OperationalError("the connection was lost")  # type: ignore[union-attr]

    if active:
        dialect.do_commit = done_but_unsaid  # type: ignore[method-assign]
    yield
    dialect.do_commit = commit  # type: ignore[method-assign]


def child(arguments: argparse.Namespace, name: str) -> None:
    for number in range(arguments.count):
        key = f"{name}-{number}"
        file = arguments.folder / key
        file.write_text(key)
        version = register(arguments, key, file)
        os.write(1, f"{key} {version.number}\n".encode())  # short enough to come out in one piece


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("folder", type=Path)
    parser.add_argument("processes", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--mutant", choices=sorted(MUTANTS))
    parser.add_argument("--persistent", action="store_true")
    arguments = parser.parse_args()
    if arguments.mutant:
        MUTANTS[arguments.mutant]()
    gate, opening = os.pipe()
    children = []
    for process in range(arguments.processes):
        pid = os.fork()
        if pid == 0:
            os.close(opening)
            os.read(gate, 1)  # ends when the parent lets go of the other end
            code = 1
            try:
                child(arguments, f"p{process}")
                code = 0
            except Exception as error:
                os.write(2, f"p{process}: {error!r}\n".encode())
            os._exit(code)
        children.append(pid)
    os.close(opening)
    sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))


if __name__ == "__main__":
    main()
