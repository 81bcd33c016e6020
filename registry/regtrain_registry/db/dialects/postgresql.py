"""PostgreSQL: a server with row locks, whose schema changes are part of a transaction."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from regtrain_registry.db.dialects.dialect import CONNECT_SECONDS, WRITES, Dialect, ErrorKind

__all__ = ["PostgreSQL"]

_SCHEMA_LOCK = 0x72745F736368656D  # the number of an advisory lock, ours alone


class PostgreSQL(Dialect):
    """A server with row locks and schema changes that are part of a transaction."""

    extra = "postgresql"
    dump = "pg_dump --format=custom --file=FILE DATABASE"
    kinds: ClassVar = {
        "40001": ErrorKind.BUSY,  # serialization failure
        "40P01": ErrorKind.BUSY,  # deadlock
        "55P03": ErrorKind.BUSY,  # lock timeout
        "25006": ErrorKind.READ_ONLY,
        "42501": ErrorKind.DENIED,
        "53100": ErrorKind.FULL,
        "XX001": ErrorKind.DAMAGED,
        "XX002": ErrorKind.DAMAGED,
    }

    def engine(self, url: URL) -> Engine:
        given = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
        engine = create_engine(url, poolclass=NullPool, connect_args=given)
        wait = f"SET LOCAL lock_timeout = {max(1, round(self.timeout * 1000))}"  # milliseconds; 0 would be for ever

        def begin(connection: Connection) -> None:
            if connection.get_execution_options().get(WRITES):
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
