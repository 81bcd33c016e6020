"""What is different about each database: how it is connected to, how it locks, and what its errors mean."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

from regtrain_registry.db.migrations import VERSION_TABLE
from regtrain_registry.errors import BackupNotOfferedError, RegistryLockedError, RegistryUnavailableError

__all__ = ["Backend", "Fault", "backend_of", "copy_database"]

_WRITES = "regtrain_writes"  # execution option of a connection that is going to write
_CONNECT_SECONDS = 10
_SCHEMA_LOCK = 0x72745F736368656D  # PostgreSQL numbers its advisory locks; any number that nobody else takes
_decode_json = json.JSONDecoder().decode


class Fault(Enum):
    """What an error of a database comes to."""

    BUSY = auto()
    READ_ONLY = auto()
    DENIED = auto()
    NOT_A_DATABASE = auto()
    DAMAGED = auto()
    FULL = auto()
    NO_FILE = auto()
    OTHER = auto()


class Backend:
    """One kind of database. Of a server no connection outlives its transaction: hundreds of runs may be under way."""

    extra: ClassVar[str | None] = None
    dump: ClassVar[str] = ""
    how_to_write: ClassVar[str] = "Ask for the rights to write there."
    faults: ClassVar[Mapping[Any, Fault]] = {}

    def __init__(self, timeout: float) -> None:
        """timeout: seconds to wait for other writers."""
        self.timeout = timeout

    def engine(self, url: URL) -> Engine:
        """The engine that readers and writers share; imports the driver, connects to nothing."""
        raise NotImplementedError

    def reader(self, engine: Engine) -> Engine:
        """Its transactions see one state of the database."""
        return engine.execution_options(isolation_level="REPEATABLE READ")

    def writer(self, engine: Engine) -> Engine:
        """Its transactions see what other writers committed while they waited for a row's lock."""
        return engine.execution_options(isolation_level="READ COMMITTED", **{_WRITES: True})

    def keep_copy(self, url: URL, schema: str) -> None:
        """A copy of the database as it is before its schema changes; a server's own backups are its keeper's."""

    def copy_to(self, url: URL, target: Path) -> None:
        """One state of the database in a new file, synced, while others go on writing."""
        raise BackupNotOfferedError(
            f"regtrain makes no backup of {url.get_backend_name()}", f"Its own tools do: {self.dump}."
        )

    def lock_schema(self, connection: Connection) -> None:
        """Of several that open a new database at once, one creates the schema: until the connection ends."""

    def code(self, error: DBAPIError) -> Any:
        """The database's own code of an error, None where it says none."""
        raise NotImplementedError

    def reason(self, error: DBAPIError) -> str:
        """The driver's words, in one line."""
        first, _, rest = str(error.orig).partition("\n")
        return f"{first} {rest.partition(chr(10))[0].strip()}" if first.endswith(":") and rest else first

    def fault(self, error: DBAPIError) -> Fault:
        """What an error comes to."""
        return self.faults.get(self.code(error), Fault.OTHER)


class SQLite(Backend):
    """A file. Writers take its one lock when they begin. One connection is kept: to open a file, and to read what
    tables it has, takes as long as many a transaction."""

    how_to_write = "Ask for write permission on the file and its folder."
    faults: ClassVar = {
        sqlite3.SQLITE_BUSY: Fault.BUSY,
        sqlite3.SQLITE_LOCKED: Fault.BUSY,
        sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
        sqlite3.SQLITE_NOTADB: Fault.NOT_A_DATABASE,
        sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
        sqlite3.SQLITE_FULL: Fault.FULL,
        sqlite3.SQLITE_CANTOPEN: Fault.NO_FILE,
    }

    def engine(self, url: URL) -> Engine:
        file = str(url.database)
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=-1,
            creator=lambda: _open_sqlite(file, self.timeout),
            json_deserializer=_decode_json,  # a list of versions holds many documents
        )
        event.listen(engine, "checkout", lambda connection, *_: _check_same_file(connection, file))
        event.listen(engine, "begin", _begin_sqlite)
        _KEEPING.add(engine)
        return engine

    def reader(self, engine: Engine) -> Engine:
        return engine

    def writer(self, engine: Engine) -> Engine:
        return engine.execution_options(**{_WRITES: True})

    def keep_copy(self, url: URL, schema: str) -> None:
        """`FILE.schema-NNNN`, whole or not there at all; in place of one that an upgrade left which broke off."""
        from regtrain_registry.atomic_file import sync_folder, temporary_name

        copy = Path(f"{url.database}.schema-{schema}")
        making = temporary_name(copy)
        try:
            copy_database(Path(str(url.database)), making, self.timeout)
            with closing(sqlite3.connect(making)) as made:
                copied = made.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
            if copied == (schema,):  # else another process was faster, and has kept its copy
                making.rename(copy)
                sync_folder(copy.parent)
        except (OSError, sqlite3.Error) as error:
            raise RegistryUnavailableError(
                f"the copy {copy} of the database cannot be made: {error}",
                "Make room there, or ask for the right to write; its schema is not changed without.",
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

    `RegistryLockedError` where a writer keeps it locked for `timeout` seconds: elsewise SQLite would wait for ever.
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
    """After a fork: SQLite forbids a child to use its parent's connections."""
    for engine in list(_KEEPING):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class _Opened(sqlite3.Connection):
    """Knows which file it has opened, whatever has its name now."""

    file: tuple[int, int] | None


def _open_sqlite(file: str, timeout: float) -> _Opened:
    """A connection to a file that is there: it is created when a registry is opened, and not by who reads it."""
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
    """A backup that was moved in place of the file is another file: SQLAlchemy then connects anew."""
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
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class PostgreSQL(Backend):
    """A server with row locks and schema changes that are part of a transaction."""

    extra = "postgresql"
    dump = "pg_dump --format=custom --file=FILE DATABASE"
    faults: ClassVar = {
        "40001": Fault.BUSY,  # serialization failure
        "40P01": Fault.BUSY,  # deadlock
        "55P03": Fault.BUSY,  # lock timeout
        "25006": Fault.READ_ONLY,
        "42501": Fault.DENIED,
        "53100": Fault.FULL,
        "XX001": Fault.DAMAGED,
        "XX002": Fault.DAMAGED,
    }

    def engine(self, url: URL) -> Engine:
        given = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
        engine = create_engine(url, poolclass=NullPool, connect_args=given)
        wait = f"SET LOCAL lock_timeout = {max(1, round(self.timeout * 1000))}"  # milliseconds; 0 would be for ever

        def begin(connection: Connection) -> None:
            if connection.get_execution_options().get(_WRITES):
                connection.exec_driver_sql(wait)

        event.listen(engine, "begin", begin)
        return engine

    def reader(self, engine: Engine) -> Engine:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def lock_schema(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

    def code(self, error: DBAPIError) -> str | None:
        """SQLSTATE, by the name that the driver has for it."""
        return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


class MySQL(Backend):
    """MySQL and MariaDB: row locks, but every schema change is a commit."""

    extra = "mysql"
    dump = "mariadb-dump --single-transaction DATABASE (or mysqldump) > FILE"
    faults: ClassVar = {
        1205: Fault.BUSY,  # lock wait timeout
        1213: Fault.BUSY,  # deadlock
        1020: Fault.BUSY,  # the row changed since it was read
        1290: Fault.READ_ONLY,  # the server runs with --read-only
        1792: Fault.READ_ONLY,  # the transaction is read-only
        1836: Fault.READ_ONLY,
        1044: Fault.DENIED,
        1142: Fault.DENIED,
        1143: Fault.DENIED,
        1021: Fault.FULL,
        1114: Fault.FULL,
    }

    def engine(self, url: URL) -> Engine:
        # Of a join to a subquery SQLAlchemy cannot tell for MySQL that it is no cartesian product, and warns.
        engine = create_engine(url, poolclass=NullPool, enable_from_linting=False)
        seconds = self._seconds()
        # Strict, whatever the server's habit: elsewise it cuts what is too long and says nothing.
        settings = (
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
            f"SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
        )

        def set_up(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute(settings)
            cursor.close()

        event.listen(engine, "connect", set_up, insert=True)  # before SQLAlchemy asks for the mode
        return engine

    def _seconds(self) -> int:
        return max(1, math.ceil(self.timeout))

    def lock_schema(self, connection: Connection) -> None:
        """By a lock of the server, which outlives the commits of the schema changes."""
        name = "CONCAT('regtrain:', SHA1(DATABASE()))"  # such names belong to the whole server
        if connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {self._seconds()})").scalar() == 0:
            raise RegistryLockedError(
                "another process is changing the schema of the registry", "Try again when it has finished."
            )

    def code(self, error: DBAPIError) -> int | None:
        """The server's number of the error."""
        number = error.orig.args[0] if error.orig is not None and error.orig.args else None
        return number if isinstance(number, int) else None

    def reason(self, error: DBAPIError) -> str:
        """Without the number that the driver puts before it."""
        said = error.orig.args[1:] if error.orig is not None else ()
        return str(said[0]).partition("\n")[0] if said else super().reason(error)


_BACKENDS: dict[str, type[Backend]] = {"sqlite": SQLite, "postgresql": PostgreSQL, "mysql": MySQL}


def backend_of(url: URL, timeout: float) -> Backend:
    """What is particular about the database of a URL that `check_url` let pass."""
    return _BACKENDS[url.get_backend_name()](timeout)
