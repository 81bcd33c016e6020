"""Cleaning a store, whatever kind it is."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.ops.sweeping import sweep_of
from regtrain_registry.store.content import Offered, Store
from regtrain_registry.store.remote import open_store
from regtrain_registry.store.sweep import ABANDONED, LocalSweep, RemoteSweep, Sweep, trim_cache


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = str(tmp_path / "blobs") if request.param == "folder" else f"memory://{secrets.token_hex(8)}"
    yield open_store(place)
    if request.param == "memory":
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem.store.clear()


@pytest.fixture
def sweep(store: Store) -> Sweep:
    return sweep_of(store)


def put(store: Store, folder: Path, *contents: bytes) -> list[str]:
    """Store the contents; their digests."""
    digests = []
    for content in contents:
        path = folder / secrets.token_hex(4)
        path.write_bytes(content)
        digests.append(store.put([Offered(path)])[0].blob.digest)
    return digests


def test_an_empty_store_has_nothing(sweep: Sweep) -> None:
    """Nothing is created by looking, nor by cleaning."""
    assert (sweep.entries(), sweep.trashed(), sweep.tidy()) == ([], [], 0)
    assert sweep.served() == {}
    assert sweep.absent({"sha256:" + "0" * 64}) == {"sha256:" + "0" * 64}


def test_files_go_into_the_trash_and_out_of_it(store: Store, sweep: Sweep, tmp_path: Path) -> None:
    """With the tick at which they went; back, or away for good; what is gone already is no error."""
    one, two, three = put(store, tmp_path, b"1", b"22", b"333")
    assert {(entry.digest, entry.size_bytes) for entry in sweep.entries()} == {(one, 1), (two, 2), (three, 3)}
    assert all(-60 < entry.age < 60 for entry in sweep.entries())
    for _ in range(2):
        assert sweep.discard([one, two], 7, 0.0) == set()
    assert sweep.absent({one, two, three}) == {one, two}
    trashed = {file.digest: file for file in sweep.trashed()}
    assert {(file.digest, file.size_bytes, file.tick) for file in trashed.values()} == {(one, 1, 7), (two, 2, 7)}
    for _ in range(2):
        sweep.rescue([trashed[one]])
        sweep.purge([trashed[two]])
    assert sweep.trashed() == []
    assert sweep.absent({one, two, three}) == {two}
    fetched = tmp_path / "fetched"
    (blob,) = [stored.blob for stored in store.put([Offered(write(tmp_path, b"1"))])]
    store.fetch(blob, fetched)
    assert fetched.read_bytes() == b"1"


def write(folder: Path, content: bytes) -> Path:
    path = folder / secrets.token_hex(4)
    path.write_bytes(content)
    return path


def test_what_has_become_young_is_left_alone(store: Store, sweep: Sweep, tmp_path: Path) -> None:
    """Whoever stored it again is about to register it."""
    one, two = put(store, tmp_path, b"1", b"22")
    assert sweep.discard([one, two], 7, 1000.0) == {one, two}
    assert sweep.absent({one, two}) == set()


def test_what_came_back_is_not_written_over(store: Store, sweep: Sweep, tmp_path: Path) -> None:
    """A file that was stored again stays, whatever lies in the trash under its name."""
    (one,) = put(store, tmp_path, b"1")
    sweep.discard([one], 7, 0.0)
    put(store, tmp_path, b"1")
    sweep.rescue(sweep.trashed())
    assert len(sweep.trashed()) == 1
    assert sweep.absent({one}) == set()


def test_other_files_are_not_ours(tmp_path: Path) -> None:
    """Names that are none of a blob, folders and links: neither listed nor moved."""
    store = open_store(str(tmp_path / "blobs"))
    put(store, tmp_path, b"1")
    place = tmp_path / "blobs" / "sha256"
    (place / "README").touch()
    (place / ("0" * 64)).mkdir()
    (place / ("1" * 64)).symlink_to(tmp_path)
    (tmp_path / "blobs" / "trash").mkdir()
    (tmp_path / "blobs" / "trash" / "note").touch()
    sweep = sweep_of(store)
    assert (len(sweep.entries()), sweep.trashed()) == (1, [])


def test_what_dead_writers_left_is_removed(tmp_path: Path) -> None:
    """After a day; a link is as young as it is itself, not as the file that it links to."""
    (tmp_path / "tmp").mkdir()
    left = write(tmp_path / "tmp", b"half a file")
    born = max(left.stat().st_mtime, left.stat().st_ctime)
    assert LocalSweep(tmp_path, lambda: born + ABANDONED - 1).tidy() == 0
    assert left.exists()
    assert LocalSweep(tmp_path, lambda: born + ABANDONED).tidy() == 11
    assert not left.exists()


def old(file: Path, days: int) -> Path:
    moment = file.stat().st_mtime - days * 86_400
    os.utime(file, (moment, moment))
    return file


def test_copies_go_that_nobody_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that is given, a day at least; what is asked for is young again; what dead readers left goes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = open_store(f"memory://{secrets.token_hex(8)}")
    assert trim_cache(0.0) == 0
    blobs = [store.put([Offered(write(tmp_path, content))])[0].blob for content in (b"1", b"22", b"333")]
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
    store = open_store(f"memory://{secrets.token_hex(8)}")
    blob = store.put([Offered(write(tmp_path, b"1"))])[0].blob
    with pytest.raises(StoreUnavailableError) as caught:
        store.verified_path(blob)
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_store_knows_whom_it_serves(store: Store, sweep: Sweep, tmp_path: Path) -> None:
    """Each registry once, with every place where it was; other files there are no registries."""
    one, two = (f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "ab")
    for place in ("here", "there", "here"):
        store.serve(one, place)
    store.serve(two, "elsewhere")
    if isinstance(sweep, LocalSweep):
        (tmp_path / "blobs" / "registries" / "README").touch()
        assert not list((tmp_path / "blobs" / "tmp").iterdir())
    assert sweep.served() == {one: ["here", "there"], two: ["elsewhere"]}


def test_many_may_say_at_once_that_they_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also processes that have one number, as the first ones of containers do."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    uid = "a" * 8 + "-0000-4000-8000-" + "a" * 12
    stores = [open_store(str(tmp_path / f"blobs-{number}")) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for store in stores:
            list(pool.map(lambda _, store=store: store.serve(uid, "here"), range(8)))
    assert [sweep_of(store).served() for store in stores] == [{uid: ["here"]}] * 20


def test_a_place_that_does_not_tell_times_keeps_its_files(store: Store, tmp_path: Path) -> None:
    """Without a time a file counts as new."""
    if isinstance(sweep := sweep_of(store), RemoteSweep):
        (one,) = put(store, tmp_path, b"1")
        sweep._files = lambda folder: [(one.removeprefix("sha256:"), {"size": 1})]  # type: ignore[method-assign]
        assert [entry.age for entry in sweep.entries()] == [0.0]


def test_a_store_of_another_make_is_left_alone() -> None:
    """Nothing is known of how it keeps its files."""
    with pytest.raises(StoreUnavailableError, match="cannot be cleaned"):
        sweep_of(object())  # type: ignore[arg-type]
