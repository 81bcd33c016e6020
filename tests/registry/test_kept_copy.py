"""Before the schema of a SQLite file changes, a copy of it is kept beside it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from registry.migration_conformance import contents, load
from regtrain_registry import Registry
from regtrain_registry.db.dialects import sqlite
from regtrain_registry.db.migrations import HEAD, VERSION_TABLE
from regtrain_registry.errors import RegistryUnavailableError
from support.registry.places import Place

# A limit on the size of files stands for a full disk: it is met while the copy is written.
FULL_DISK = """
import resource, signal, sys
from regtrain_registry import Registry
from regtrain_registry.errors import RegistryError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    Registry(sys.argv[1])
except RegistryError as error:
    print(type(error).__name__, error.exit_code, error)
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A file with the stored registry of the first schema, in a folder of its own."""
    found = Place(URL.create("sqlite", database=str(tmp_path / "home/registry.db")), tmp_path)
    (tmp_path / "home").mkdir()
    load(found)
    return found


def copies(place: Place) -> list[Path]:
    return sorted((place.folder / "home").glob("registry.db.*"))


def dumped(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_the_copy_is_the_registry_as_it_was(place: Place) -> None:
    """Every row and every table, for the owner alone; it can be put back, and is upgraded again."""
    file = Path(str(place.url.database))
    before = dumped(file)
    place.open()
    (copy,) = copies(place)
    assert copy.name == "registry.db.schema-0001"
    assert dumped(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    expected = contents(place)
    file.unlink()
    copy.rename(file)
    place.open()
    assert contents(place) == expected


def test_a_new_registry_and_a_whole_one_have_no_copy(tmp_path: Path) -> None:
    """There is nothing to go back to."""
    for _ in range(2):
        Registry(f"sqlite:///{tmp_path}/home/registry.db").upgrade()
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["registry.db"]


@pytest.mark.slow
def test_a_full_disk_changes_nothing(place: Place) -> None:
    """Exit code 5, no half copy, the old schema as it was; with space it goes on."""
    file = Path(str(place.url.database))
    before = dumped(file)
    for limit in (0, 4096, file.stat().st_size - 4096):
        command = [sys.executable, "-c", FULL_DISK, place.uri, str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.startswith("RegistryUnavailableError 5 the copy"), (done.stdout, done.stderr)
        assert "Free space" in done.stdout
        assert copies(place) == []
        assert dumped(file) == before
    assert place.open().schema_version() == HEAD


def test_half_a_copy_is_no_copy(place: Place) -> None:
    """A process that is killed while it copies leaves nothing under the name of the copy."""
    code = (
        "import os, sys\n"
        "from regtrain_registry import Registry\n"
        "from regtrain_registry.db.dialects import sqlite\n"
        "sqlite.copy_database = lambda source, target, timeout: (target.write_bytes(b'half'), os._exit(9))\n"
        "Registry(sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, place.uri], check=False, timeout=60)
    assert done.returncode == 9
    assert not (place.folder / "home/registry.db.schema-0001").exists()
    place.open()
    assert (place.folder / "home/registry.db.schema-0001").stat().st_size > 1000


def test_a_migration_that_breaks_off_is_copied_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older release wrote between two attempts is in the copy that stays."""
    from regtrain_registry.db import migrations

    def fail(connection: Any) -> None:
        raise RuntimeError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "upgrade", fail)
        with pytest.raises(RuntimeError):
            place.open()
    assert len(copies(place)) == 1
    place.execute("UPDATE rt_versions SET summary = 'later' WHERE number = 1")
    place.open()
    (copy,) = copies(place)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT summary FROM rt_versions WHERE number = 1").fetchone() == ("later",)


def test_one_that_comes_late_does_not_spoil_the_copy(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look at the schema and its copy another process has upgraded: the copy stays that of the old schema."""
    real, first = sqlite.copy_database, True

    def late(*args: Any) -> None:
        nonlocal first
        if first:
            first = False
            place.open()  # the other process
        real(*args)

    monkeypatch.setattr(sqlite, "copy_database", late)
    place.open()
    (copy,) = copies(place)
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone() == ("0001",)
        assert "rt_events" not in {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def test_several_at_once_leave_one_copy(place: Place) -> None:
    """Of the old schema, and nothing half-made beside it."""
    with ThreadPoolExecutor(6) as pool:
        assert {registry.schema_version() for registry in pool.map(lambda _: place.open(), range(6))} == {HEAD}
    assert [copy.name for copy in copies(place)] == ["registry.db.schema-0001"]


def test_a_copy_that_may_not_be_written_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path and the reason; the schema is not changed."""

    def denied(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sqlite, "copy_database", denied)
    with pytest.raises(RegistryUnavailableError, match=r"registry\.db\.schema-0001.*Permission denied"):
        place.open()
    assert place.execute(f"SELECT version_num FROM {VERSION_TABLE}") == [("0001",)]
