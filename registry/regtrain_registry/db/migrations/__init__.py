"""The schema of the database and its history. alembic is loaded only to create or change it.

A new schema gets a new file in versions/ with the next number, HEAD becomes that number, and a database of
the schema before is stored in the tests. A step that changes rows must back the database up first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "VERSION_TABLE", "alembic_config", "stored_version", "upgrade"]

HEAD = "0004"  # revisions are numbered in four digits, so that plain text order tells older from newer
VERSION_TABLE = "rt_alembic_version"

_READ = text(f"SELECT version_num FROM {VERSION_TABLE}")


def stored_version(connection: Connection) -> str | None:
    """The schema's number in the database, None where there is no schema (or only the first half of one)."""
    try:
        with connection.begin_nested():  # elsewhere than in SQLite the error would end the transaction
            row = connection.execute(_READ).first()
    except (OperationalError, ProgrammingError) as error:
        if error.connection_invalidated:  # the server has closed the connection: no state can be read
            raise
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        row = connection.execute(_READ).first()  # made meanwhile by another process; any other error comes again
    return None if row is None else str(row[0])


def upgrade(connection: Connection) -> None:
    """Bring the schema to HEAD inside the connection's transaction; nothing happens when it is there.

    The caller holds the write lock, so of several processes that open a new database one creates the schema.
    """
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Config:
    """alembic's settings for this connection, without any file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
