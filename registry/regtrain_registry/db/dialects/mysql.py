"""MySQL and MariaDB: servers with row locks, where every schema change is a commit."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from regtrain_registry.db.dialects.dialect import Dialect, ErrorKind
from regtrain_registry.errors import RegistryLockedError

__all__ = ["MySQL"]


class MySQL(Dialect):
    """MySQL and MariaDB: row locks, but every schema change is a commit."""

    extra = "mysql"
    dump = "mariadb-dump --single-transaction DATABASE (or mysqldump) > FILE"
    kinds: ClassVar = {
        1205: ErrorKind.BUSY,  # lock wait timeout
        1213: ErrorKind.BUSY,  # deadlock
        1020: ErrorKind.BUSY,  # the row changed since it was read
        1290: ErrorKind.READ_ONLY,  # the server runs with --read-only
        1792: ErrorKind.READ_ONLY,  # the transaction is read-only
        1836: ErrorKind.READ_ONLY,
        1044: ErrorKind.DENIED,
        1142: ErrorKind.DENIED,
        1143: ErrorKind.DENIED,
        1021: ErrorKind.FULL,
        1114: ErrorKind.FULL,
    }

    def engine(self, url: URL) -> Engine:
        # For MySQL, SQLAlchemy takes a join to a subquery for a cartesian product, and warns.
        engine = create_engine(url, poolclass=NullPool, enable_from_linting=False)
        seconds = self._seconds()
        # Strict in any server: the default may truncate values silently.
        settings = (
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
            f"SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
        )

        def set_up(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute(settings)
            cursor.close()

        event.listen(engine, "connect", set_up, insert=True)  # before SQLAlchemy reads the mode
        return engine

    def _seconds(self) -> int:
        return max(1, math.ceil(self.timeout))

    def lock_schema(self, connection: Connection) -> None:
        """Take a lock of the server, which the commits of schema changes do not release."""
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
        messages = error.orig.args[1:] if error.orig is not None else ()
        return str(messages[0]).partition("\n")[0] if messages else super().reason(error)
