"""Cleaning a store, whatever kind it is."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.store.blob import FileInfo, SourceFile
from regtrain_registry.store.cache import ABANDONED, trim_cache
from regtrain_registry.store.local import LocalStore
from regtrain_registry.store.remote import RemoteStore
from regtrain_registry.store.store import Store


def in_memory() -> RemoteStore:
    return RemoteStore(f"memory://{secrets.token_hex(8)}")


def put(store: Store, folder: Path, *contents: bytes) -> list[str]:
    """Store the contents; their digests."""
    digests = []
    for content in contents:
        path = folder / secrets.token_hex(4)
        path.write_bytes(content)
        digests.append(store.put([SourceFile(path)])[0].blob.digest)
    return digests


def write(folder: Path, content: bytes) -> Path:
    path = folder / secrets.token_hex(4)
    path.write_bytes(content)
    return path


def test_other_files_are_not_ours(tmp_path: Path) -> None:
    """Names that are none of a blob, folders and links: neither listed nor moved."""
    store = LocalStore(tmp_path / "blobs")
    put(store, tmp_path, b"1")
    place = tmp_path / "blobs" / "sha256"
    (place / "README").touch()
    (place / ("0" * 64)).mkdir()
    (place / ("1" * 64)).symlink_to(tmp_path)
    (tmp_path / "blobs" / "trash").mkdir()
    (tmp_path / "blobs" / "trash" / "note").touch()
    assert (len(store.entries()), store.trashed()) == (1, [])


def test_what_dead_writers_left_is_removed(tmp_path: Path) -> None:
    """After a day; a link is as young as it is itself, not as the file that it links to."""
    (tmp_path / "tmp").mkdir()
    left = write(tmp_path / "tmp", b"half a file")
    born = max(left.stat().st_mtime, left.stat().st_ctime)
    assert LocalStore(tmp_path, clock=lambda: born + ABANDONED - 1).tidy() == 0
    assert left.exists()
    assert LocalStore(tmp_path, clock=lambda: born + ABANDONED).tidy() == 11
    assert not left.exists()


def old(file: Path, days: int) -> Path:
    moment = file.stat().st_mtime - days * 86_400
    os.utime(file, (moment, moment))
    return file


def test_copies_go_that_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that is given, a day at least; what is asked for is young again; what dead readers left goes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = in_memory()
    assert trim_cache(0.0) == 0
    # The clock of the file system, which a faked clock of the process does not follow.
    monkeypatch.setattr("regtrain_registry.store.cache.time.time", lambda: (tmp_path / "now").stat().st_mtime)
    (tmp_path / "now").touch()
    blobs = [store.put([SourceFile(write(tmp_path, content))])[0].blob for content in (b"1", b"22", b"333")]
    copies = [store.verified_path(blob) for blob in blobs]
    for copy, days in zip(copies, (8, 6, 8), strict=True):
        old(copy, days)
    (other := copies[0].with_name("README")).write_text("not ours")
    old(other, 8)
    store.verified_path(blobs[2])
    assert (trim_cache(7 * 86_400.0), [copy.exists() for copy in copies]) == (1, [False, True, True])
    assert (trim_cache(0.0), [copy.exists() for copy in copies]) == (2, [False, False, True])
    assert other.exists()


@pytest.mark.parametrize("broken", ["a file", "no home"])
def test_a_cache_that_cannot_be_used_is_in_nobodys_way(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleaning goes on without it; who needs it is told what to do."""
    if broken == "a file":
        (tmp_path / "cache").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    else:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert trim_cache(0.0) == 0
    store = in_memory()
    blob = store.put([SourceFile(write(tmp_path, b"1"))])[0].blob
    with pytest.raises(StoreUnavailableError) as caught:
        store.verified_path(blob)
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_many_may_say_at_once_that_they_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also processes that have one number, as the first ones of containers do."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    uid = "a" * 8 + "-0000-4000-8000-" + "a" * 12
    stores = [LocalStore(tmp_path / f"blobs-{number}") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for store in stores:
            list(pool.map(lambda _, store=store: store.claim(uid, "here"), range(8)))
    assert [store.owners() for store in stores] == [{uid: ["here"]}] * 20


def test_files_without_a_time_are_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the place does not tell when a file was written, it stays for the grace time."""
    store = in_memory()
    (one,) = put(store, tmp_path, b"1")
    monkeypatch.setattr(store, "list_files", lambda folder: [FileInfo(one.removeprefix("sha256:"), 1)])
    monkeypatch.setattr(store, "stat", lambda name: FileInfo(one.removeprefix("sha256:"), 1))
    assert [entry.age for entry in store.entries()] == [0.0]
    assert store.trash([one], 1, 10.0) == {one}
