"""What a power cut would lose: the order of writes, synchronisations and renames before the commit."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from regtrain_registry import FileToStore, Registration, Registry
from regtrain_registry.errors import ConflictError


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> list[tuple[str, ...]]:
    """Calls in their order, with paths instead of file descriptors; `commit` for that of the database."""
    calls: list[tuple[str, ...]] = []
    paths: dict[int, str] = {}
    opening = os.open

    def opened(path: Any, *args: Any, **options: Any) -> int:
        handle = opening(path, *args, **options)
        paths[handle] = str(path)
        return handle

    def recorded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def record(first: Any, *args: Any, **options: Any) -> Any:
            calls.append((name, paths.get(first, str(first)), *(str(a) for a in args if isinstance(a, Path))))
            return call(first, *args, **options)

        return record

    monkeypatch.setattr(os, "open", opened)
    for name in ("write", "fsync", "replace", "mkdir"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    event.listen(registry._database._engine, "commit", lambda _: calls.append(("commit",)))
    return calls


def last_commit(calls: list[tuple[str, ...]]) -> int:
    return max(number for number, call in enumerate(calls) if call == ("commit",))


def files(tmp_path: Path) -> tuple[FileToStore, ...]:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    return tuple(FileToStore(tmp_path / name, name) for name in ("one", "two"))


def test_bytes_are_durable_before_their_row(registry: Registry, trace: list[tuple[str, ...]], tmp_path: Path) -> None:
    """Each file is synchronised after its last write and before its rename, its folder after it, the row last."""
    registry.register(Registration("digits", files(tmp_path)))
    commit = last_commit(trace)
    renames = [call for call in trace if call[0] == "replace"]
    assert [Path(call[2]).parent.name for call in renames] == ["registries", "sha256", "sha256"]
    for _, temporary, blob in renames:
        written = max(n for n, call in enumerate(trace) if call == ("write", temporary))
        synchronised = trace.index(("fsync", temporary))
        renamed = trace.index(("replace", temporary, blob))
        folder = max(n for n, call in enumerate(trace) if call == ("fsync", str(Path(blob).parent)))
        assert written < synchronised < renamed < folder < commit


def test_the_folder_is_synchronised_once_for_all_files(
    registry: Registry, trace: list[tuple[str, ...]], tmp_path: Path
) -> None:
    """Also when every blob was there: another process may have renamed it and not yet synchronised the folder."""
    folder = str(tmp_path / "home" / "blobs" / "sha256")
    for _ in range(2):
        registry.register(Registration("digits", files(tmp_path)))
        commit = last_commit(trace)
        assert trace[:commit].count(("fsync", folder)) == 1
        trace.clear()


def test_what_is_stored_is_not_written_again(registry: Registry, trace: list[tuple[str, ...]], tmp_path: Path) -> None:
    """A blob that is there was synchronised before its name was; a file of the wrong size does not count as one."""
    for again in range(3):
        version = registry.register(Registration("digits", files(tmp_path)))
        noted = {call[1] for call in trace if call[0] == "replace" and Path(call[2]).parent.name == "registries"}
        copies = {call[1] for call in trace if call[0] == "write"} - noted
        synchronised = [call for call in trace if call[0] == "fsync" and call[1] in copies]
        renamed = [call for call in trace if call[0] == "replace" and call[1] not in noted]
        assert len(noted) == (1, 0, 0)[again]
        assert len(synchronised) == len(renamed) == (2, 0, 1)[again]
        assert list((tmp_path / "home" / "blobs" / "tmp").iterdir()) == []
        trace.clear()
        if again == 1:
            blob = tmp_path / "home" / "blobs" / "sha256" / version.artifacts[0].digest.removeprefix("sha256:")
            blob.chmod(0o600)
            blob.write_bytes(b"")
    assert len(registry.checkout("digits", tmp_path / "out", bare=True)) == 2


def test_new_folders_are_durable_before_what_is_in_them(
    registry: Registry, trace: list[tuple[str, ...]], tmp_path: Path
) -> None:
    """The parent of each new folder is synchronised too."""
    registry.register(Registration("digits", files(tmp_path)))
    made = [call[1] for call in trace if call[0] == "mkdir"]
    assert [Path(folder).name for folder in made] == ["blobs", "sha256", "tmp", "registries"]
    for folder in made:
        assert ("fsync", str(Path(folder).parent)) in trace[trace.index(("mkdir", folder)) :]


def test_sqlite_is_told_to_be_careful(registry: Registry) -> None:
    """Rollback journal, extra synchronisation, foreign keys, and the driver's own transactions off."""

    def settings(connection: Any) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert registry._database.read(settings) == ["delete", 3, 1, 30000]


def test_a_writer_holds_the_lock_from_its_first_moment(registry: Registry, tmp_path: Path) -> None:
    """Before its first statement: a lock that is taken after a read cannot be waited for."""
    other = sqlite3.connect(tmp_path / "home" / "registry.db", timeout=0)

    def work(_: Any) -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")

    registry._database.write(work)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_each_try_is_made_on_a_new_connection(registry: Registry) -> None:
    """What another writer's row got in the way of is tried again, and not on the connection that failed."""
    seen: list[Any] = []

    def work(connection: Any) -> int:
        seen.append(connection.connection.dbapi_connection)
        if len(seen) < 3:
            raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))
        return len(seen)

    assert registry._database.write(work) == 3
    assert len({id(connection) for connection in seen}) == 3


def test_a_row_that_is_refused_for_good_is_a_conflict(registry: Registry) -> None:
    """Tries are bounded, and what remains is said with exit code 3."""

    def work(connection: Any) -> None:
        raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))

    quick = Registry(f"sqlite:///{registry.uri}", lock_timeout=0.01)
    with pytest.raises(ConflictError, match="UNIQUE"):
        quick._database.write(work)
