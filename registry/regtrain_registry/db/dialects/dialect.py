"""The base of the dialects: connecting, locking, and the kinds of errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from regtrain_registry.errors import BackupNotOfferedError

__all__ = ["CONNECT_SECONDS", "WRITES", "Dialect", "ErrorKind"]

WRITES = "regtrain_writes"  # execution option of a connection that is going to write
CONNECT_SECONDS = 10


class ErrorKind(Enum):
    """Kinds of errors of a database."""

    BUSY = auto()
    READ_ONLY = auto()
    DENIED = auto()
    NOT_A_DATABASE = auto()
    DAMAGED = auto()
    FULL = auto()
    NO_FILE = auto()
    OTHER = auto()


class Dialect:
    """One kind of database. A connection to a server ends with its transaction: hundreds of runs may be active."""

    extra: ClassVar[str | None] = None
    dump: ClassVar[str] = ""
    how_to_write: ClassVar[str] = "Ask for the rights to write there."
    kinds: ClassVar[Mapping[Any, ErrorKind]] = {}

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
        return engine.execution_options(isolation_level="READ COMMITTED", **{WRITES: True})

    def keep_copy(self, url: URL, schema: str) -> None:
        """Copy the database before its schema changes; servers are left to their own backups."""

    def copy_to(self, url: URL, target: Path) -> None:
        """One state of the database in a new file, synced, while others go on writing."""
        raise BackupNotOfferedError(
            f"regtrain makes no backup of {url.get_backend_name()}", f"Its own tools do: {self.dump}."
        )

    def lock_schema(self, connection: Connection) -> None:
        """Lock the schema until the connection ends, so that one of several processes creates it."""

    def code(self, error: DBAPIError) -> Any:
        """The database's own code of an error; None where there is none."""
        raise NotImplementedError

    def reason(self, error: DBAPIError) -> str:
        """The message of the driver in one line."""
        first, _, rest = str(error.orig).partition("\n")
        return f"{first} {rest.partition(chr(10))[0].strip()}" if first.endswith(":") and rest else first

    def kind_of(self, error: DBAPIError) -> ErrorKind:
        """The kind of an error."""
        return self.kinds.get(self.code(error), ErrorKind.OTHER)
