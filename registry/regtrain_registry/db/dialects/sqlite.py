"""SQLite: one file, one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

from regtrain_registry.db.dialects.dialect import WRITES, Dialect, ErrorKind
from regtrain_registry.db.migrations import VERSION_TABLE
from regtrain_registry.db.tables import decode_json
from regtrain_registry.errors import RegistryLockedError, RegistryUnavailableError

__all__ = ["SQLite", "copy_database"]


class SQLite(Dialect):
    """A file. Writers lock it when they begin. One connection is kept, because opening a file and reading its schema
    takes as long as a transaction."""

    how_to_write = "Ask for write permission on the file and its folder."
    kinds: ClassVar = {
        sqlite3.SQLITE_BUSY: ErrorKind.BUSY,
        sqlite3.SQLITE_LOCKED: ErrorKind.BUSY,
        sqlite3.SQLITE_READONLY: ErrorKind.READ_ONLY,
        sqlite3.SQLITE_NOTADB: ErrorKind.NOT_A_DATABASE,
        sqlite3.SQLITE_CORRUPT: ErrorKind.DAMAGED,
        sqlite3.SQLITE_FULL: ErrorKind.FULL,
        sqlite3.SQLITE_CANTOPEN: ErrorKind.NO_FILE,
    }

    def engine(self, url: URL) -> Engine:
        file = str(url.database)
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=-1,
            creator=lambda: _open_sqlite(file, self.timeout),
            json_deserializer=decode_json,
        )
        event.listen(engine, "checkout", lambda connection, *_: _check_same_file(connection, file))
        event.listen(engine, "begin", _begin_sqlite)
        _KEEPING.add(engine)
        return engine

    def reader(self, engine: Engine) -> Engine:
        return engine

    def writer(self, engine: Engine) -> Engine:
        return engine.execution_options(**{WRITES: True})

    def keep_copy(self, url: URL, schema: str) -> None:
        """Write `FILE.schema-NNNN` atomically; it replaces the copy of an interrupted upgrade."""
        from regtrain_registry.atomic_file import sync_folder, temporary_name

        copy = Path(f"{url.database}.schema-{schema}")
        making = temporary_name(copy)
        try:
            copy_database(Path(str(url.database)), making, self.timeout)
            with closing(sqlite3.connect(making)) as made:
                copied = made.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
            if copied == (schema,):  # else another process has upgraded it, and kept its copy
                making.rename(copy)
                sync_folder(copy.parent)
        except (OSError, sqlite3.Error) as error:
            raise RegistryUnavailableError(
                f"the copy {copy} of the database cannot be made: {error}",
                "Free space there, or ask for the right to write; its schema is not changed without.",
            ) from error
        finally:
            with suppress(OSError):  # garbage at worst; an error here would hide the one that matters
                making.unlink(missing_ok=True)

    def copy_to(self, url: URL, target: Path) -> None:
        try:
            copy_database(Path(str(url.database)), target, self.timeout)
        except sqlite3.Error as error:
            raise RegistryUnavailableError(f"{target} cannot be written: {error}", "Name another file.") from error

    def code(self, error: DBAPIError) -> int | None:
        """The primary result code."""
        code = getattr(error.orig, "sqlite_errorcode", None)
        return None if code is None else int(code) & 0xFF


def copy_database(source: Path, target: Path, timeout: float) -> None:
    """One state of a SQLite file, synced, while others go on writing to it; for the owner alone.

    `RegistryLockedError` where a writer keeps it locked for `timeout` seconds: SQLite would wait for ever.
    """
    limit = time.monotonic() + timeout

    def give_up(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() >= limit:
            raise RegistryLockedError(f"{source} is locked by another process", "Try again when it has finished.")

    target.touch(mode=0o600)
    with closing(sqlite3.connect(source, timeout=timeout)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, progress=give_up)
    with target.open("rb") as file:
        os.fsync(file.fileno())


_KEEPING: WeakSet[Engine] = WeakSet()


def _leave_to_parent() -> None:
    """Drop the connections after a fork: SQLite forbids a child to use those of its parent."""
    for engine in list(_KEEPING):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class _Opened(sqlite3.Connection):
    """A connection that remembers device and inode of the file that it opened."""

    file: tuple[int, int] | None


def _open_sqlite(file: str, timeout: float) -> _Opened:
    """A connection to an existing file: only opening a registry creates one, reading does not."""
    identity = _identity(file)
    place = f"file:{quote(os.fsencode(file))}?mode=rw"
    # The driver's own idea of when to send BEGIN is off (isolation_level); see _begin_sqlite.
    connection = sqlite3.connect(
        place, timeout, isolation_level=None, check_same_thread=False, factory=_Opened, uri=True
    )
    connection.file = identity
    connection.execute("PRAGMA foreign_keys = ON")
    # Not FULL: after a power cut the journal may be there again, and would roll back what was committed.
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def _check_same_file(connection: Any, file: str) -> None:
    """Reconnect where the file was replaced, as by a restored backup."""
    if connection.file != _identity(file):
        raise DisconnectionError


def _identity(file: str) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - in every transaction
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: taken later, it could not be waited for."""
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
