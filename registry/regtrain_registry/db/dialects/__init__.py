"""What differs between databases: connecting, locking, copies, and the meaning of error codes."""

from __future__ import annotations

from sqlalchemy import URL

from regtrain_registry.db.dialects.dialect import Dialect, ErrorKind

__all__ = ["Dialect", "ErrorKind", "dialect_of"]


def dialect_of(url: URL, timeout: float) -> Dialect:
    """The dialect of a URL that `check_url` has accepted; only its own module is loaded. timeout: seconds for locks."""
    match url.get_backend_name():
        case "sqlite":
            from regtrain_registry.db.dialects.sqlite import SQLite

            return SQLite(timeout)
        case "postgresql":
            from regtrain_registry.db.dialects.postgresql import PostgreSQL

            return PostgreSQL(timeout)
    from regtrain_registry.db.dialects.mysql import MySQL

    return MySQL(timeout)
