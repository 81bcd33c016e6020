"""Backups while others write, and what a check finds that only a file can have."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry import Registration, Registry
from regtrain_registry.atomic_file import new_file
from regtrain_registry.db.tables.all import METADATA
from regtrain_registry.domain.lineage import cycle
from regtrain_registry.errors import RegistryLockedError, StoreUnavailableError, TargetExistsError
from support.registry.places import Place, make_place

WRITERS = 3
BACKUPS = 6


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "home")


def test_a_backup_is_one_state_while_others_write(place: Place, tmp_path: Path) -> None:
    """It opens, it is sound with the files that are copied after it, and its numbers have no gap."""
    registry = place.register() and place.open()
    done = threading.Event()
    errors: list[BaseException] = []

    def write(who: int) -> None:
        try:
            count = 0
            while not done.is_set():
                place.register(files=(place.weights(f"{who} {count}".encode()),))
                count += 1
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(who,)) for who in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        counts = []
        for one in range(BACKUPS):
            backup = tmp_path / f"backup-{one}"
            backup.mkdir()
            assert registry.backup(backup / "registry.db") == backup / "registry.db"
            shutil.copytree(place.folder / "blobs/sha256", backup / "blobs/sha256")
            opened = Registry(f"sqlite:///{backup}/registry.db", create=False)
            report = opened.fsck(read_data=True)
            assert report.problems == []
            numbers = sorted(version.number for version in opened.versions("digits"))
            assert numbers == list(range(1, len(numbers) + 1))
            counts.append(report.versions)
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert errors == []
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert registry.fsck(read_data=True).ok


def test_what_a_writer_has_not_finished_is_in_no_backup(place: Place, tmp_path: Path) -> None:
    """Half of a transaction may stand in the file already: a backup waits for its end, but not for ever."""
    place.register()
    registry = place.open(lock_timeout=0.1)
    with closing(sqlite3.connect(str(place.url.database), isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")  # so that it writes to the file before it commits
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(
            "CREATE TABLE wide AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
            " SELECT randomblob(4000) FROM n"
        )
        with pytest.raises(RegistryLockedError):
            registry.backup(tmp_path / "backup.db")
        writer.execute("ROLLBACK")
    registry.backup(tmp_path / "backup.db")
    assert Registry(f"sqlite:///{tmp_path}/backup.db", place.folder / "blobs").fsck().ok


def test_a_backup_is_never_written_over_a_file(place: Place, tmp_path: Path) -> None:
    """Nor is half of one left where it cannot be written; it is for its owner alone."""
    registry = place.open()
    target = tmp_path / "backup.db"
    registry.backup(target)
    assert target.stat().st_mode & 0o777 == 0o600
    for kind in (target, tmp_path, tmp_path / "dangling"):
        if kind.name == "dangling":
            kind.symlink_to(tmp_path / "nowhere")
        with pytest.raises(TargetExistsError):
            registry.backup(kind)
    with pytest.raises(StoreUnavailableError):
        registry.backup(tmp_path / "no/such/folder.db")
    assert {path.name for path in tmp_path.iterdir()} == {"home", "backup.db", "dangling"}


def test_who_comes_second_does_not_write_over_the_first(tmp_path: Path) -> None:
    """Whoever has named the file meanwhile keeps it."""
    with pytest.raises(TargetExistsError), new_file(tmp_path / "a") as making:
        making.write_bytes(b"mine")
        (tmp_path / "a").write_bytes(b"theirs")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"theirs")]


def test_rows_whose_other_half_is_gone_are_found(place: Place) -> None:
    """For every foreign key of the schema: what a program does that turned them off."""
    place.register()
    keys = {(table.name, key.parent.name) for table in METADATA.sorted_tables for key in table.foreign_keys}
    assert len(keys) > 20
    with sqlite3.connect(str(place.url.database)) as connection:
        connection.execute("DELETE FROM rt_models")
    found = {problem.subject for problem in place.open().fsck().problems if problem.kind == "dangling"}
    assert found == {"rt_versions", "rt_events"}


def test_a_damaged_database_file_is_found(place: Place) -> None:
    """An index that does not fit its table."""
    for number in range(5):
        place.open().register(Registration("digits", (), version=f"1.0.{number}"))
    with sqlite3.connect(str(place.url.database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_rt_versions_run_id ON rt_versions (number)'"
            " WHERE name = 'ix_rt_versions_run_id'"
        )
    report = place.open().fsck()
    assert {problem.kind for problem in report.problems} == {"database"}
    assert (report.ok, report.garbage) == (False, 0)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4)))
def test_a_ring_is_found_if_there_is_one(parents: dict[int, list[int]]) -> None:
    """Each of it comes from the next; and there is none where everything can be put in order."""
    ring = cycle(parents)
    for place, one in enumerate(ring):
        assert ring[(place + 1) % len(ring)] in parents[one]
    assert len(set(ring)) == len(ring)
    left = {one: set(above) for one, above in parents.items()}
    while free := [one for one, above in left.items() if not above & left.keys()]:
        for one in free:
            del left[one]
    assert bool(ring) == bool(left)


@pytest.mark.slow
def test_a_long_line_has_no_ring() -> None:
    """Longer than Python's stack is deep."""
    line = {n: [n + 1] for n in range(50_000)}
    assert cycle(line) == []
    assert len(cycle(line | {50_000: [0]})) == 50_001
