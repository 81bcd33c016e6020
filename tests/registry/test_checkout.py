"""A checkout is the version's own files, and nobody else may write to them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regtrain_registry import FileToStore, Registration, Registry

KEY = "a" * 64


def signed(registry: Registry, ref: str) -> None:
    """A signature of another program: signing refuses versions with such files."""
    with registry._database._engine.begin() as connection:
        values = f"SELECT id, '{KEY}', 'their statement', 'their bundle', '2026-01-01 00:00:00' FROM rt_versions"
        connection.exec_driver_sql(
            f"INSERT INTO rt_signatures (version_id, key_id, statement, bundle, created_at) {values}"
        )


@pytest.mark.parametrize("own", ["statement.json", "model.sig", "signatures/one", "signatures"])
def test_a_checkout_keeps_the_files_of_the_version(registry: Registry, tmp_path: Path, own: str) -> None:
    """What is written beside them takes no name that one of them has."""
    (tmp_path / "file").write_text("its own")
    version = registry.register(Registration("m", (FileToStore(tmp_path / "file", own),)))
    signed(registry, version.ref)
    paths = registry.checkout(version.ref, tmp_path / "out")
    assert (tmp_path / "out" / own).read_text() == "its own"
    assert len(paths) == len(set(paths))
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {own, "model_card.md"}


def test_a_signature_is_beside_other_files(registry: Registry, tmp_path: Path) -> None:
    """Where the version leaves the names free."""
    (tmp_path / "file").write_text("its own")
    version = registry.register(Registration("m", (FileToStore(tmp_path / "file", "weights.bin"),)))
    signed(registry, version.ref)
    registry.checkout(version.ref, tmp_path / "out")
    assert (tmp_path / "out" / "statement.json").read_text() == "their statement"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_others_may_not_write(registry: Registry, tmp_path: Path, mask: int) -> None:
    """Whatever the umask is: to a checkout with its folders, to an archive, to a backup, to the store."""
    (tmp_path / "file").write_text("its own")
    with umask(mask):
        version = registry.register(Registration("m", (FileToStore(tmp_path / "file", "logs/deep/train.log"),)))
        registry.checkout(version.ref, tmp_path / "new" / "folder")
        registry.export_archive(None, tmp_path / "archive.tar")
        registry.backup(tmp_path / "backup.db")
    made = [tmp_path / "new", tmp_path / "archive.tar", tmp_path / "backup.db", Path(registry.store_place)]
    found = [path for place in made for path in (place, *place.rglob("*"))]
    assert len(found) > 10
    writable = [path for path in found if path.lstat().st_mode & stat.S_IWOTH]
    assert writable == []
    readable = [path for path in (tmp_path / "new").rglob("*") if path.lstat().st_mode & stat.S_IROTH]
    assert bool(readable) is (mask != 0o077)
