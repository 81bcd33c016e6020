"""Files of SQLite, looked at before a package that would try a damaged one for minutes opens them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["check_sqlite_file"]

_HEAD = b"SQLite format 3\x00"


def check_sqlite_file(path: Path) -> None:
    """Nothing is written, and a file that is not there is no fault where one can be made.

    Raises:
        RuntimeError: the file is no database, is damaged, or cannot be read or made.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEAD))
    except FileNotFoundError:
        _check_can_be_made(path)
        return
    except OSError as problem:
        raise RuntimeError(f"{path} cannot be read: {problem.strerror}") from None
    if head and head != _HEAD:
        raise RuntimeError(f"{path} is no SQLite database: move it away, or name another file")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return  # locked by a writer
    except sqlite3.DatabaseError as problem:
        raise RuntimeError(f"{path} is damaged ({problem}): put a copy of it back, or move it away") from None


def _check_can_be_made(path: Path) -> None:
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise RuntimeError(f"{path} cannot be made: {folder} is not a folder that can be written to")
