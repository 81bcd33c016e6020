"""Where a registry of the tests is kept: one new database after another, of any kind."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, text

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry, VersionInfo
from regtrain_registry.location import check_url
from regtrain_registry.store.blob import SourceFile
from support.registry.blank import make_file


@dataclass(frozen=True)
class Place:
    """A database of its own, and a folder for blobs."""

    url: URL
    folder: Path

    @property
    def uri(self) -> str:
        """With the password in it."""
        return self.url.render_as_string(hide_password=False)

    def open(self, **options: Any) -> Registry:
        """The registry there."""
        return Registry(self.uri, self.folder / "blobs", **options)

    def engine(self) -> Engine:
        """Another program's connections to the same database; each statement is a transaction."""
        return create_engine(check_url(self.uri), poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Statements of another program; the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.engine().connect() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
                rows = [tuple(row) for row in result] if result.returns_rows else []
        return rows

    def load(self, script: str) -> None:
        """Run the statements of a stored database as they are."""
        with self.engine().connect() as connection:
            for statement in re.split(r";\n", script.strip()):
                connection.exec_driver_sql(statement)

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.execute(f"SELECT count(*) FROM {table}")[0][0])

    def weights(self, content: bytes = b"weights") -> FileToStore:
        """A file to register."""
        path = self.folder / secrets.token_hex(8)
        path.write_bytes(content)
        return FileToStore(path, "model.bin", ArtifactKind.WEIGHTS)

    def named(self, path: Path, name: str) -> FileToStore:
        """A file that is there, to register."""
        return FileToStore(path, name)

    def linked(self, file: FileToStore) -> FileToStore:
        """The same file, which the store may link to."""
        return replace(file, link=True)

    def offered(self, content: bytes) -> SourceFile:
        """A file for the store alone."""
        path = self.folder / secrets.token_hex(8)
        path.write_bytes(content)
        return SourceFile(path)

    def register(self, model: str = "digits", **fields: Any) -> VersionInfo:
        """Register one file of weights; other fields by keyword."""
        return self.open().register(Registration(model, **{"files": (self.weights(),), **fields}))


def make_place(folder: Path) -> Place:
    """An empty registry in SQLite, in `folder`/registry.db: what tests take that are not about how one is made."""
    make_file(folder / "registry.db")
    return unmade_place(folder)


def unmade_place(folder: Path) -> Place:
    """Where one will be made, by whoever opens it first."""
    return Place(URL.create("sqlite", database=f"{folder}/registry.db"), folder)


@contextmanager
def database_on(server: URL, folder: Path) -> Iterator[Place]:
    """A new, empty database on a server."""
    name = f"t{secrets.token_hex(6)}"
    maintenance = Place(server, folder)
    maintenance.execute(f"CREATE DATABASE {name}")
    yield Place(server.set(database=name), folder)
    maintenance.execute(f"DROP DATABASE {name}")
