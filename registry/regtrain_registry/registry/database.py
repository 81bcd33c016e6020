"""Connections and transactions: the only place that opens a database.

No connection outlives its transaction. So none crosses a fork, and every retry begins on a new one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from regtrain_registry import migrations
from regtrain_registry.errors import (
    ConflictError,
    DatabaseDamagedError,
    NoRegistryError,
    RegistryError,
    RegistryLockedError,
    RegistryReadOnlyError,
    RegistryUnavailableError,
    SchemaTooNewError,
)
from regtrain_registry.location import check_file_system, make_private_folder

__all__ = ["Database"]

Result = TypeVar("Result")

TRIES = 50
_decode_json = json.JSONDecoder().decode
_WRITES = "regtrain_writes"  # execution option of a connection that is going to write


class Database:
    """A database that is known to have our schema."""

    def __init__(
        self,
        url: URL,
        *,
        create: bool,
        lock_timeout: float,
        read_file_system: Callable[[Path], int | None] | None,
    ) -> None:
        """Opens, and creates file, folders and schema where `create` allows.

        lock_timeout: seconds to wait for other writers. read_file_system: f_type of a folder, if asked.
        """
        self.url = url
        self._timeout = lock_timeout
        if url.get_backend_name() == "sqlite":
            self.url = _prepare_file(url, create, read_file_system)
        with self._translated():
            self._engine = self._make_engine()
            self._writer = self._engine.execution_options(**{_WRITES: True})
        version = self.version()
        if version is None and not create:
            raise _no_registry(self.url)
        if version is None or version < migrations.HEAD:
            self.upgrade()
        elif version > migrations.HEAD:
            raise SchemaTooNewError(
                f"{shown(self.url)} has schema {version}; this release knows up to {migrations.HEAD}",
                "Install a newer regtrain: pip install --upgrade regtrain.",
            )

    def version(self) -> str | None:
        """The number of the schema that is there; None: none yet."""
        return self.read(migrations.stored_version)

    def upgrade(self) -> None:
        """Bring the schema to the newest that this release knows."""
        self.write(migrations.upgrade)

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in one transaction that sees one state of the database and locks nobody out."""
        with self._translated(), self._engine.begin() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do `work` in one transaction that holds the write lock from its start; committed on return.

        Tried again, on a new connection, where another writer was in the way: `work` may run several times.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
        from tenacity import wait_random_exponential as wait

        retrying = Retrying(
            retry=retry_if_exception(_retryable),
            stop=stop_after_attempt(TRIES) | stop_after_delay(self._timeout),
            wait=wait(multiplier=0.01, max=1),
            reraise=True,
        )
        with self._translated():
            result: Result = retrying(self._write_once, work)
            return result

    def _write_once(self, work: Callable[[Connection], Result]) -> Result:
        with self._writer.begin() as connection:
            return work(connection)

    def _make_engine(self) -> Engine:
        if self.url.get_backend_name() != "sqlite":
            return create_engine(self.url, poolclass=NullPool)
        engine = create_engine(
            self.url,
            poolclass=NullPool,
            connect_args={"timeout": self._timeout},
            json_deserializer=_decode_json,  # a list of versions holds many documents
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise translate(error, self.url) from error
        except ModuleNotFoundError as error:
            raise RegistryUnavailableError(
                f"the driver {error.name} of {shown(self.url)} is not installed", f"pip install {error.name}"
            ) from error


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own idea of when to send BEGIN is off; see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: taken later, it could not be waited for."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_file(url: URL, create: bool, read_file_system: Callable[[Path], int | None] | None) -> URL:
    """Check and create the folder of the file; the URL with an absolute path."""
    file = Path(str(url.database)).absolute()
    url = url.set(database=str(file))
    if not create and not file.exists():
        raise _no_registry(url)
    if read_file_system is not None:
        check_file_system(next(folder for folder in file.parents if folder.exists()), read_file_system)
    make_private_folder(file.parent)
    return url


def _no_registry(url: URL) -> NoRegistryError:
    return NoRegistryError(f"there is no registry at {shown(url)} yet", "Run something first: regtrain run CONFIG.")


def shown(url: URL) -> str:
    """The URL for people: the path of a file, or without password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _retryable(error: BaseException) -> bool:
    """Another writer's lock, or another writer's row, which the next try sees and reckons with."""
    if isinstance(error, IntegrityError):
        return True
    if isinstance(error, OperationalError):
        return _sqlite_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def _sqlite_code(error: DBAPIError) -> int | None:
    """SQLite's primary result code."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def translate(error: DBAPIError, url: URL) -> RegistryError:
    """The driver's error as one of ours, without the password of the URL."""
    reason = str(error.orig).partition("\n")[0]
    if url.password:
        reason = reason.replace(str(url.password), "***")
    place = shown(url)
    if isinstance(error, IntegrityError):
        return ConflictError(f"{place} refused the row: {reason}", "Try again; another process may be at work.")
    match _sqlite_code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RegistryLockedError(f"{place} is locked by another process", "Try again when it has finished.")
        case sqlite3.SQLITE_READONLY:
            return RegistryReadOnlyError(
                f"{place} is read-only", "Ask for write permission on the file and its folder."
            )
        case sqlite3.SQLITE_NOTADB:
            return RegistryUnavailableError(f"{place} is not a SQLite database", "Name another file, or move it away.")
        case sqlite3.SQLITE_CORRUPT:
            return DatabaseDamagedError(f"{place} is damaged: {reason}", "Restore it from a backup.")
        case sqlite3.SQLITE_FULL:
            return RegistryUnavailableError(f"the disk of {place} is full", "Free space; nothing was recorded.")
    return RegistryUnavailableError(
        f"{place} cannot be used: {reason}", "Check the address, the server and the permissions."
    )
