"""Finding and opening the registry, and what is said when that fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry, RemoteStore, locate
from regtrain_registry.db.dialects import dialect_of
from regtrain_registry.db.engine import translate
from regtrain_registry.db.migrations import HEAD
from regtrain_registry.errors import (
    NetworkFileSystemError,
    NoRegistryError,
    RegistryError,
    RegistryLockedError,
    RegistryReadOnlyError,
    RegistryUnavailableError,
    RegistryUrlError,
    SchemaTooNewError,
)
from regtrain_registry.location import NETWORK_FILE_SYSTEMS, file_system_type


def test_the_nearest_state_folder_is_found(tmp_path: Path) -> None:
    """Upward like git, beside the start when there is none, by the environment when it says so."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert locate(deep, {}).home == deep / ".regtrain"
    (tmp_path / ".regtrain").mkdir()
    found = locate(deep, {})
    assert (found.home, found.uri) == (tmp_path / ".regtrain", f"sqlite:///{tmp_path}/.regtrain/registry.db")
    assert found.store == str(tmp_path / ".regtrain" / "blobs")
    assert locate(deep, {"REGTRAIN_HOME": "/elsewhere"}).uri == "sqlite:////elsewhere/registry.db"
    both = locate(deep, {"REGTRAIN_REGISTRY_URI": "postgresql://h/d", "REGTRAIN_STORE_URI": "s3://b/p"})
    assert (both.home, both.uri, both.store) == (tmp_path / ".regtrain", "postgresql://h/d", "s3://b/p")
    assert not (deep / ".regtrain").exists()


@pytest.mark.parametrize("name", ["wh?at", "pc%41t", "a#b", "sp ace", "ünï", "a@b:c", "a%3Fb&c=d", "not-utf-8-\udcff"])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database lies in it, beside the store, and messages show the path as it is."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert make_url(locate(folder, {}).uri).database == f"{folder}/.regtrain/registry.db"
    with pytest.raises(NoRegistryError) as caught:
        Registry(create=False)
    assert f"{folder}/.regtrain/registry.db" in caught.value.message
    assert Registry().uri == f"{folder}/.regtrain/registry.db"
    assert (folder / ".regtrain" / "registry.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arguments the registry is the one that `locate` finds."""
    monkeypatch.chdir(tmp_path)
    Registry()
    assert (tmp_path / ".regtrain" / "registry.db").exists()
    monkeypatch.setenv("REGTRAIN_HOME", str(tmp_path / "other"))
    registry = Registry()
    assert (tmp_path / "other" / "registry.db").exists()
    assert registry.store_place == str(tmp_path / "other" / "blobs")


def test_a_relative_file_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing the working directory later does not change the registry."""
    monkeypatch.chdir(tmp_path)
    registry = Registry("sqlite:///reg/registry.db")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert registry.models() == []
    assert registry.uri == str(tmp_path / "reg" / "registry.db")
    assert not (tmp_path / "sub" / "reg").exists()


def test_new_folders_are_for_the_owner_alone(tmp_path: Path, uri: str) -> None:
    """Whatever the umask is."""
    before = os.umask(0)
    try:
        Registry(uri)
    finally:
        os.umask(before)
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "uri",
    [
        "nothing",
        "registry.db",
        "oracel://host/db",
        "oracle://u:secret@host/db",
        "postgresql+asyncpg://u:secret@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://u:secret@host:port/db",
    ],
)
def test_bad_urls_are_bad_input(uri: str) -> None:
    """Exit code 2 with the forms that work; a password in it is not repeated."""
    with pytest.raises(RegistryUrlError) as caught:
        Registry(uri)
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)
    assert "sqlite:///" in caught.value.hint


def test_a_missing_driver_or_server_is_said_without_the_password() -> None:
    """Exit code 5, whichever of the two it is that is missing."""
    with pytest.raises(RegistryUnavailableError) as caught:
        Registry("postgresql+psycopg2://ada:secret@127.0.0.1:1/db")
    assert caught.value.exit_code == 5
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "module", "remedy"),
    [
        ("postgresql://ada:secret@h/d", "psycopg", "pip install regtrain[postgresql]"),
        ("postgres://ada:secret@h/d", "psycopg", "pip install regtrain[postgresql]"),
        ("mysql://ada:secret@h/d", "pymysql", "pip install regtrain[mysql]"),
        ("mariadb://ada:secret@h/d", "pymysql", "pip install regtrain[mysql]"),
        ("postgresql+psycopg2://ada:secret@h/d", "psycopg2", "pip install psycopg2"),
    ],
)
def test_a_missing_driver_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, uri: str, module: str, remedy: str
) -> None:
    """By the extra that has it, if it is one of ours."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RegistryUnavailableError) as caught:
        Registry(uri)
    assert caught.value.hint == remedy
    assert module in caught.value.message
    assert "secret" not in str(caught.value)


def test_a_driver_that_repeats_the_password_is_not_repeated() -> None:
    """Some drivers put the whole address into their message."""
    url = make_url("postgresql://ada:secret@host/db")
    error = OperationalError("SELECT 1", {}, Exception("cannot reach postgresql://ada:secret@host/db\nDETAIL"))
    said = str(translate(error, url, dialect_of(url, 1)))
    assert "secret" not in said
    assert "cannot reach" in said
    assert "DETAIL" not in said


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """Exit code 5, and the file keeps its bytes; so for a folder."""
    file = tmp_path / "notes.txt"
    file.write_text("not a database " * 100)
    for place in (file, tmp_path):
        with pytest.raises(RegistryUnavailableError) as caught:
            Registry(f"sqlite:///{place}")
        assert caught.value.exit_code == 5
        assert str(place) in caught.value.message
    assert file.read_text() == "not a database " * 100


def test_a_locked_database_is_waited_for_and_then_named(tmp_path: Path, uri: str) -> None:
    """A writer waits for another one as long as it was told to; readers do not wait."""
    registry = Registry(uri, lock_timeout=0.05)
    other = sqlite3.connect(tmp_path / "home" / "registry.db")
    other.execute("BEGIN IMMEDIATE")
    assert registry.models() == []
    with pytest.raises(RegistryLockedError) as caught:
        registry.register(Registration("digits", ()))
    assert caught.value.exit_code == 5
    other.rollback()
    other.close()
    assert registry.register(Registration("digits", ())).number == 1


@pytest.fixture
def read_only_home() -> Iterator[Path]:
    """A registry whose files and folder may only be read; the superuser, who may all, steps down for the test."""
    home = Path(tempfile.mkdtemp(prefix="regtrain-test-"))
    Registry(f"sqlite:///{home}/registry.db").register(Registration("digits", ()))
    user = os.geteuid()
    (home / "registry.db").chmod(0o444)
    home.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    yield home
    os.seteuid(user)
    home.chmod(0o755)
    shutil.rmtree(home)


def test_a_read_only_registry_can_be_read(read_only_home: Path) -> None:
    """Listing works, registering is refused with exit code 5."""
    registry = Registry(f"sqlite:///{read_only_home}/registry.db")
    assert [model.name for model in registry.models()] == ["digits"]
    with pytest.raises(RegistryReadOnlyError) as caught:
        registry.set_alias("digits", "champion")
    assert caught.value.exit_code == 5


def test_a_folder_that_cannot_be_created_is_named(read_only_home: Path) -> None:
    """Exit code 5 and the folder."""
    with pytest.raises(RegistryUnavailableError, match="new"):
        Registry(f"sqlite:///{read_only_home}/new/registry.db")


@pytest.mark.parametrize("kind", NETWORK_FILE_SYSTEMS)
def test_network_file_systems_are_refused_with_advice(tmp_path: Path, kind: int) -> None:
    """Nothing is created there, unless it is forced."""
    uri = f"sqlite:///{tmp_path}/home/registry.db"
    with pytest.raises(NetworkFileSystemError) as caught:
        Registry(uri, read_file_system=lambda folder: kind)
    assert caught.value.exit_code == 5
    for remedy in ("PostgreSQL", "REGTRAIN_FORCE_NETWORK_FS=1", "registry.force_network_fs: true"):
        assert remedy in caught.value.hint
    assert not (tmp_path / "home").exists()
    assert Registry(uri, read_file_system=lambda folder: kind, force_network_fs=True).models() == []


def test_the_environment_forces_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REGTRAIN_FORCE_NETWORK_FS=1 does; 0 and nothing do not."""
    uri = f"sqlite:///{tmp_path}/home/registry.db"
    for value in ("0", "", "no"):
        monkeypatch.setenv("REGTRAIN_FORCE_NETWORK_FS", value)
        with pytest.raises(NetworkFileSystemError):
            Registry(uri, read_file_system=lambda folder: 0x6969)
    monkeypatch.setenv("REGTRAIN_FORCE_NETWORK_FS", "1")
    assert Registry(uri, read_file_system=lambda folder: 0x6969).models() == []


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="only Linux numbers its file systems")
def test_the_type_of_a_file_system_is_read() -> None:
    """The number of procfs is known; a folder that is missing has none."""
    assert file_system_type(Path("/proc")) == 0x9FA0
    assert file_system_type(Path("/proc/nothing/here")) is None


def test_a_newer_schema_is_refused(tmp_path: Path, uri: str) -> None:
    """Exit code 5 with the advice to install a newer release; the database stays as it is."""
    assert Registry(uri).schema_version() == HEAD
    connection = sqlite3.connect(tmp_path / "home" / "registry.db")
    connection.execute("UPDATE rt_alembic_version SET version_num = '0999'")
    connection.commit()
    connection.close()
    with pytest.raises(SchemaTooNewError) as caught:
        Registry(uri)
    assert caught.value.exit_code == 5
    assert "0999" in caught.value.message
    assert "pip install" in caught.value.hint


def test_nothing_is_created_for_someone_who_only_looks(tmp_path: Path, uri: str) -> None:
    """Neither a missing file nor an empty one becomes a registry."""
    for _ in range(2):
        with pytest.raises(NoRegistryError) as caught:
            Registry(uri, create=False)
        assert caught.value.exit_code == 2
        assert "regtrain run" in caught.value.hint
        (tmp_path / "home").mkdir(exist_ok=True)
        (tmp_path / "home" / "registry.db").touch()
    assert (tmp_path / "home" / "registry.db").stat().st_size == 0


def test_every_error_has_a_code_of_its_own() -> None:
    """Scripts tell errors by their code; exit codes are those of the command line."""
    classes: list[type[RegistryError]] = []
    pending = [RegistryError]
    while pending:
        classes.append(pending.pop())
        pending.extend(classes[-1].__subclasses__())
    assert len({error.code for error in classes}) == len(classes)
    assert {error.exit_code for error in classes} == {1, 2, 3, 4, 5}


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry whose store is fsspec's file system in memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Registry(f"sqlite:///{tmp_path}/home/registry.db", RemoteStore(f"memory://{tmp_path.name}/blobs"))


def test_a_store_behind_fsspec_keeps_blobs(remote: Registry, weights: Path, tmp_path: Path) -> None:
    """Registered, unpacked and opened as from a folder; nothing lies beside the database."""
    made = remote.register(Registration("digits", (FileToStore(weights, "w", ArtifactKind.WEIGHTS),)))
    assert remote.checkout("digits", tmp_path / "out")[0].read_bytes() == weights.read_bytes()
    opened = remote.open_artifact("digits")
    assert opened.read_bytes() == weights.read_bytes()
    opened.chmod(0o600)
    opened.write_bytes(b"damaged in the cache")
    assert remote.open_artifact("digits").read_bytes() == weights.read_bytes()
    assert made.digest.startswith("sha256:")
    assert not (tmp_path / "home" / "blobs").exists()


def test_a_damaged_remote_blob_is_found(remote: Registry, weights: Path, tmp_path: Path) -> None:
    """The digest is checked behind fsspec as well, and a short blob is stored anew."""
    from regtrain_registry.errors import BlobDamagedError, BlobMissingError

    fs, request = remote._store._fs, Registration("digits", (FileToStore(weights, "w"),))  # type: ignore[attr-defined]
    digest = remote.register(request).digest.removeprefix("sha256:")
    path = f"/{tmp_path.name}/blobs/sha256/{digest}"
    fs.pipe_file(path, b"x" * 7000)
    with pytest.raises(BlobDamagedError, match=digest):
        remote.checkout("digits", tmp_path / "out")
    fs.pipe_file(path, b"short")
    remote.register(request)
    assert remote.checkout("digits", tmp_path / "out")[0].read_bytes() == weights.read_bytes()
    fs.rm_file(path)
    with pytest.raises(BlobMissingError, match=digest):
        remote.checkout("digits", tmp_path / "again")


def test_a_store_of_an_unknown_kind_is_bad_input(uri: str) -> None:
    """Exit code 2, before anything is registered."""
    with pytest.raises(RegistryUrlError, match="nothing://"):
        Registry(uri, "nothing://bucket")
