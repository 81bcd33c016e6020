"""Empty registries in SQLite, copied from one that was made as any other: its schema takes longer than most tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from regtrain_registry import Registry


@cache
def _blank() -> bytes:
    with TemporaryDirectory() as folder:
        registry = Registry(f"sqlite:///{folder}/registry.db", folder)
        registry._database._engine.dispose()
        return Path(folder, "registry.db").read_bytes()


def make_file(file: Path) -> None:
    """An empty registry in a new file, which is no copy of another for anybody who asks it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_bytes(_blank())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE rt_registry SET uid = ?", [str(uuid4())])


def make_registry(file: Path, store: str | Path | None = None, **options: Any) -> Registry:
    """The same, opened."""
    make_file(file)
    return Registry(f"sqlite:///{file}", store, **options)
