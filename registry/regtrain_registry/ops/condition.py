"""The condition of a registry and a store, for checks of an installation: nothing is upgraded or left behind."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, false, select, update

from regtrain_registry.db import migrations
from regtrain_registry.db.engine import Database, shown
from regtrain_registry.db.tables.lifecycle import REGISTRY
from regtrain_registry.domain.clock import ClockReading, drift_seconds, read
from regtrain_registry.errors import NetworkFileSystemError, RegistryError, StoreUnavailableError
from regtrain_registry.location import check_file_system, check_url, file_system_type, is_forced
from regtrain_registry.store.local import LocalStore
from regtrain_registry.store.uris import open_store

__all__ = ["Condition", "examine", "may_write", "try_store"]

_R = REGISTRY.c


@dataclass(frozen=True, slots=True)
class Condition:
    """A registry that can be read.

    uri: for messages. file: of a SQLite database. schema, newest: of the database and of this release. unwritable: why
    it cannot be written. network: the warning for SQLite on a network file system that was forced. drift: seconds by
    which this machine's clock is ahead of what the registry has seen of it, or behind; None for an older schema.
    """

    uri: str
    file: Path | None
    schema: str
    newest: str
    unwritable: RegistryError | None
    network: str
    drift: float | None


def examine(uri: str, *, force_network_fs: bool = False, lock_timeout: float = 5.0) -> Condition:
    """The condition of the database at a URL.

    Errors: those of opening a registry without creating it; `RegistryLockedError` where a writer does not end.
    """
    forced = force_network_fs or is_forced(os.environ)
    checking = None if forced else file_system_type
    url = check_url(uri)
    database = Database(url, create=False, lock_timeout=lock_timeout, read_file_system=checking, upgrade=False)
    schema = str(database.version())
    current = schema == migrations.HEAD
    file = Path(str(database.url.database)) if database.url.get_backend_name() == "sqlite" else None
    return Condition(
        shown(database.url),
        file,
        schema,
        migrations.HEAD,
        _unwritable(database) if current else None,
        _network(file.parent) if file and forced else "",
        database.read(_drift) if current else None,
    )


def _unwritable(database: Database) -> RegistryError | None:
    def work(connection: Connection) -> None:
        connection.execute(update(REGISTRY).where(false()).values(seconds=_R.seconds))  # the right to, and no row

    try:
        database.write(work)
    except RegistryError as problem:
        return problem
    return None


def _network(folder: Path) -> str:
    try:
        check_file_system(folder, file_system_type)
    except NetworkFileSystemError as problem:
        return problem.message
    return ""


def _drift(connection: Connection) -> float:
    row = connection.execute(select(_R.witnessed_at, _R.boot_id, _R.boottime).where(_R.id == 1)).one()
    return drift_seconds(ClockReading(row.witnessed_at, row.boot_id, row.boottime), read())


def may_write(folder: Path) -> bool:
    """Whether this process may make files in a folder, as whom it acts for now."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def try_store(place: str) -> str:
    """Write a small file into a store, look for it and delete it; the store's place for messages.

    A folder that is not there is not made.
    Errors: `RegistryUrlError`, `StoreUnavailableError`.
    """
    store = open_store(place)
    if isinstance(store, LocalStore) and not store.folder.exists():
        above = next(folder for folder in store.folder.absolute().parents if folder.exists())
        if not may_write(above):
            raise StoreUnavailableError(f"{store.location} cannot be made: {above} may not be written", "Name another.")
        return f"{store.location}, which the first run makes"
    name = f"tmp/doctor-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "small"
        source.write_bytes(b"regtrain doctor\n")
        try:
            store.upload(source, name)
            found = store.stat(name)
            store.delete(name)
        except Exception as problem:  # of whatever class a file system has
            raise StoreUnavailableError(
                f"{store.location} cannot be written: {problem}", "Check that it is reachable and that you may write."
            ) from problem
    if found is None or found.size_bytes != 16:
        raise StoreUnavailableError(f"{store.location} does not keep what is written", "Name another place.")
    return store.location
