"""Planted bugs, each put in by name in the process that a campaign strikes: what the campaigns must catch.

Each is a mistake that some system made. A campaign that does not catch one is worth nothing, nor is a mutant that
has no effect any more, and the tests tell neither from the other: both fail.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from regtrain_registry.db import engine
from regtrain_registry.db.dialects import sqlite
from regtrain_registry.store import local
from regtrain_registry.store.local import LocalStore


def row_before_blob() -> None:
    """The version is committed first, its files follow."""
    put, write = LocalStore.put, engine.Database.write
    waiting: list[Callable[[], Any]] = []

    def put_later(self: LocalStore, *arguments: Any) -> Any:
        waiting.append(lambda: put(self, *arguments))
        return put(LocalStore(Path(tempfile.mkdtemp())), *arguments)

    def write_first(self: engine.Database, work: Any) -> Any:
        result = write(self, work)
        while waiting:
            waiting.pop()()
        return result

    replace(LocalStore, put=put_later, missing=lambda self, blobs: [])
    replace(engine.Database, write=write_first)


def two_commits() -> None:
    """The version and its artifacts in two transactions."""
    from regtrain_registry.ops import register

    insert = register._insert_artifacts

    def commit_and_insert(connection: Any, *arguments: Any) -> Any:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return insert(connection, *arguments)

    replace(register, _insert_artifacts=commit_and_insert)


def rename_by_copying() -> None:
    """A file appears under its digest before it is whole."""

    def copy(source: Any, target: Any, **_: Any) -> None:
        Path(target).unlink(missing_ok=True)
        shutil.copyfile(source, target)
        Path(source).unlink()

    replace(os, replace=copy, rename=copy)


def journal_in_memory() -> None:
    """SQLite rolls back only while the process lives."""
    _with_pragma("journal_mode = MEMORY")


def synchronous_off() -> None:
    """SQLite leaves it to the system when bytes reach the disk."""
    _with_pragma("synchronous = OFF")


def synchronous_full() -> None:
    """SQLite does not make it durable that the journal is gone: after a power cut it rolls the commit back."""
    _with_pragma("synchronous = FULL")


def files_not_synced() -> None:
    """Names are durable before the bytes are."""
    _without_sync(stat.S_ISREG)


def folders_not_synced() -> None:
    """Bytes are durable, their names are not."""
    _without_sync(stat.S_ISDIR)


def failed_sync_ignored() -> None:
    """What the disk did not take counts as written."""
    sync = os.fsync

    def ignore(handle: Any) -> None:
        with suppress(OSError):
            sync(handle)

    replace(os, fsync=ignore)


def short_write_ignored() -> None:
    """Of a write that took half the bytes, the rest is forgotten."""
    write = os.write

    def claim(handle: int, part: Any) -> int:
        write(handle, part)
        return len(part)

    replace(os, write=claim)


def raw_error() -> None:
    """An error of the operating system that nobody put into words."""

    class AsItIs:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    replace(local, unavailable=lambda store: AsItIs())


def highest_and_one() -> None:
    """The next number is read without a lock, and who comes second is turned away."""
    _without_lock()
    replace(engine.Database, _retryable=lambda self, error: False)


def retry_in_the_same_transaction() -> None:
    """The same, and after an error the work is done again where it failed."""

    def write(self: Any, work: Any) -> Any:
        with self._translated(writing=True), self._writer.begin() as connection:
            for _ in range(engine.TRIES):
                try:
                    return work(connection)
                except Exception as error:
                    if not self._retryable(error):
                        raise
            return work(connection)

    _without_lock()
    replace(engine.Database, write=write)


def _without_lock() -> None:
    from sqlalchemy import func, select

    from regtrain_registry.db.tables import MODELS, VERSIONS
    from regtrain_registry.ops import register
    from regtrain_registry.ops.event_log import EventLog
    from regtrain_registry.ops.reserved_number import ReservedNumber

    reserve, m = register.reserve_number, MODELS.c

    def unlocked(context: Any, name: str) -> Any:
        connection = context.connection
        row = connection.execute(select(m.id, m.name, m.events, m.head).where(m.name == name)).first()
        if row is None:
            return reserve(context, name)
        highest = select(func.max(VERSIONS.c.number)).where(VERSIONS.c.model_id == row.id)
        return ReservedNumber(EventLog(context, *row), (connection.execute(highest).scalar_one() or 0) + 1)

    replace(register, reserve_number=unlocked)
    replace(sqlite, _begin_sqlite=lambda connection: connection.exec_driver_sql("BEGIN"))


def key_forgotten() -> None:
    """A registration that is sent again is another one."""
    from regtrain_registry.ops import register

    insert = register._version_row
    replace(
        register,
        _registered_before=lambda connection, registration: None,
        _version_row=lambda *arguments: insert(*arguments) | {"idempotency_key": None},
    )


def alias_stays() -> None:
    """An alias that stands is not moved."""
    from regtrain_registry.ops import aliases

    write = aliases.write_alias

    def only_new(locked: Any, name: str, before: Any, **rest: Any) -> None:
        if before is None:
            write(locked, name, before, **rest)

    replace(aliases, write_alias=only_new)


def archived_is_latest() -> None:
    """The highest release, whatever became of it."""
    from regtrain_registry.ops import resolve

    replace(resolve, _LATEST=resolve._HIGHEST.where(resolve.V.prerelease == ""))


def replace(owner: Any, **names: Any) -> None:
    """Set attributes that exist; a name that is gone is an error, since the bug would not be planted."""
    for name, value in names.items():
        getattr(owner, name)
        setattr(owner, name, value)


def _with_pragma(text: str) -> None:
    open_carefully = sqlite._open_sqlite

    def careless(*arguments: Any) -> Any:
        connection = open_carefully(*arguments)
        connection.execute(f"PRAGMA {text}")
        return connection

    replace(sqlite, _open_sqlite=careless)


def _without_sync(kind: Callable[[int], bool]) -> None:
    sync = os.fsync

    def skip(handle: Any) -> None:
        if not kind(os.fstat(handle).st_mode):
            sync(handle)

    replace(os, fsync=skip)


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        row_before_blob,
        two_commits,
        rename_by_copying,
        journal_in_memory,
        synchronous_off,
        synchronous_full,
        files_not_synced,
        folders_not_synced,
        failed_sync_ignored,
        short_write_ignored,
        raw_error,
        highest_and_one,
        retry_in_the_same_transaction,
        key_forgotten,
        alias_stays,
        archived_is_latest,
    )
}
