"""Where a registry of the tests is kept: one new database after another, of any kind."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, Engine, MetaData, NullPool, create_engine, delete, insert, select, text

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
    """A new database on a server, without any table."""
    url = _create(server, folder)
    yield Place(url, folder)
    _drop(server, url, folder)


def _create(server: URL, folder: Path) -> URL:
    name = f"t{secrets.token_hex(6)}"
    Place(server, folder).execute(f"CREATE DATABASE {name}")
    return server.set(database=name)


def _drop(server: URL, url: URL, folder: Path) -> None:
    Place(server, folder).execute(f"DROP DATABASE {url.database}")


Rows = dict[str, list[dict[str, Any]]]


@dataclass
class EmptyRegistries:
    """Empty registries on a server. Most tests leave nothing but rows: these are deleted, and the next test takes the
    same database, because making the tables takes longer than most tests do."""

    server: URL
    free: list[tuple[URL, Rows]] = field(default_factory=list)

    @contextmanager
    def one(self, folder: Path, *, new: bool = False) -> Iterator[Place]:
        """An empty registry; `new`: in which nothing was deleted before."""
        url, blank = self._made(folder) if new or not self.free else self.free.pop()
        place = Place(url, folder)
        try:
            yield place
        finally:
            if _emptied(place, blank):
                self.free.append((url, blank))
            else:
                _drop(self.server, url, folder)

    def _made(self, folder: Path) -> tuple[URL, Rows]:
        place = Place(_create(self.server, folder), folder)
        place.open()
        tables = MetaData()
        with place.engine().connect() as connection:
            tables.reflect(connection)
            rows = {
                t.name: [dict(row) for row in connection.execute(select(t)).mappings()] for t in tables.sorted_tables
            }
        return place.url, rows


def _emptied(place: Place, blank: Rows) -> bool:
    """Whether the database has its own tables and no others, and has what an empty one has, with a uid of its own."""
    tables = MetaData()
    with create_engine(check_url(place.uri), poolclass=NullPool).begin() as connection:
        tables.reflect(connection)
        if tables.tables.keys() != blank.keys():
            return False
        if any(set(row) != set(tables.tables[name].c.keys()) for name, rows in blank.items() for row in rows):
            return False
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {', '.join(tables.tables)} RESTART IDENTITY"))
        for table in reversed(tables.sorted_tables) if connection.dialect.name == "mysql" else ():
            if connection.execute(delete(table)).rowcount and table.autoincrement_column is not None:
                connection.execute(text(f"ALTER TABLE {table.name} AUTO_INCREMENT = 1"))
        for table in tables.sorted_tables:
            for row in blank[table.name]:
                fresh = {"uid": str(uuid4())} if table.name == "rt_registry" else {}
                connection.execute(insert(table).values(row | fresh))
    return True
