"""Registry and store, in each condition in which a person may find them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from regtrain.doctor.rows import Row
from regtrain.doctor.storage import find, request_for
from regtrain_registry import examine, try_store
from regtrain_registry.errors import RegistryLockedError
from regtrain_registry.ops import condition
from support.registry.blank import make_file


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**12))
    for name in ("REGTRAIN_HOME", "REGTRAIN_REGISTRY_URI", "REGTRAIN_STORE_URI", "REGTRAIN_FORCE_NETWORK_FS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".regtrain" / "registry.db"
    make_file(path)
    return path


def rows(folder: Path, **keys: Any) -> dict[str, Row]:
    """Rows by name; the last where there are several."""
    given = {"uri": None, "store": None, "force": False} | keys
    return {row.name: row for row in find(request_for(folder, None, **given))}


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    """That is no fault, and nothing is made by looking."""
    found = rows(tmp_path)
    assert {name: row.status for name, row in found.items()} == dict.fromkeys(("registry", "store", "disk"), "ok")
    assert "the first run makes it" in found["registry"].message
    assert list(tmp_path.iterdir()) == []


def test_all_is_well(file: Path) -> None:
    """Schema, place and the right to write are said; the store has no file more than before."""
    before = file.read_bytes()
    (file.parent / "blobs").mkdir()
    found = rows(file.parents[1])
    assert {row.status for row in found.values()} == {"ok"}
    assert set(found) == {"registry", "clock", "store", "disk"}
    assert f"{file}, schema" in found["registry"].message
    assert [path for path in (file.parent / "blobs").rglob("*") if path.is_file()] == []
    assert file.read_bytes() == before


def test_an_older_schema_is_left_as_it_is(file: Path) -> None:
    """A warning names the command; looking does not upgrade. A newer one cannot be used."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE rt_alembic_version SET version_num = '0001'")
    found = rows(file.parents[1])["registry"]
    assert (found.status, "schema 0001" in found.message) == ("warning", True)
    assert "regtrain registry upgrade" in found.remedy
    assert examine(f"sqlite:///{file}").schema == "0001"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE rt_alembic_version SET version_num = '9999'")
    assert rows(file.parents[1])["registry"].status == "failure"


def test_a_registry_that_cannot_be_used(file: Path, tmp_path: Path) -> None:
    """Damage, a URL that is none, a server that does not answer and a driver that is missing are failures with remedies."""
    file.write_bytes(b"this is no database" * 100)
    uris = (None, "nonsense", "postgresql://nobody@127.0.0.1:9/x", "oracle://x/y")
    for uri in uris:
        try:
            row = rows(file.parents[1], uri=uri)["registry"]
        except Exception as problem:  # a URL that cannot be read has no store beside it either
            assert getattr(problem, "hint", ""), problem
        else:
            assert (row.status, bool(row.remedy)) == ("failure", True), row


@pytest.fixture
def read_only_home() -> Iterator[Path]:
    """A folder with a registry that this process may read and not write, also where it is root's."""
    home = Path(tempfile.mkdtemp())
    home.chmod(0o755)
    make_file(home / "registry.db")
    (home / "registry.db").chmod(0o444)
    home.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield home
    os.seteuid(user)
    home.chmod(0o755)
    shutil.rmtree(home)


def test_a_registry_that_cannot_be_written(read_only_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registry and store are failures with remedies, as is a place where the first run could not make any."""
    monkeypatch.setenv("REGTRAIN_HOME", str(read_only_home))
    found = rows(read_only_home)
    assert {name: row.status for name, row in found.items() if row.status != "ok"} == {
        "registry": "failure",
        "store": "failure",
    }
    assert found["registry"].remedy
    monkeypatch.setenv("REGTRAIN_HOME", str(read_only_home / "new"))
    found = rows(read_only_home)
    assert (found["registry"].status, found["store"].status) == ("failure", "failure")


def test_a_lock_that_is_not_let_go_of(file: Path) -> None:
    """The time to wait for it is limited."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RegistryLockedError):
            examine(f"sqlite:///{file}", lock_timeout=0.05)


def test_a_network_file_system(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite there is refused, or warned about where it was forced."""
    monkeypatch.setattr(condition, "file_system_type", lambda folder: 0x6969)
    refused = rows(file.parents[1])["registry"]
    assert (refused.status, "NFS" in refused.message) == ("failure", True)
    forced = rows(file.parents[1], force=True)["registry"]
    assert (forced.status, "NFS" in forced.message) == ("warning", True)


def test_a_clock_that_was_set_back(file: Path) -> None:
    """The registry has seen a later time than this machine shows."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE rt_registry SET witnessed_at = '2999-01-01 00:00:00.000000', boot_id = NULL")
    row = rows(file.parents[1])["clock"]
    assert (row.status, "behind" in row.message) == ("warning", True)


def test_a_store_that_cannot_be_used(file: Path, tmp_path: Path) -> None:
    """A file in its place, and a URL that no package knows, are failures; the registry is looked at all the same."""
    (tmp_path / "taken").write_text("mine")
    for store in (str(tmp_path / "taken"), "nosuch://bucket"):
        found = rows(file.parents[1], store=store)
        assert (found["store"].status, found["registry"].status) == ("failure", "ok"), found["store"]
    assert try_store(f"file://{tmp_path}") == str(tmp_path)
