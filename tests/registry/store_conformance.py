"""What holds for a store, wherever it is: inherited by one test class for each kind of place.

A subclass has a fixture `shelf`: a new, empty store, and a way to its files that is not ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regtrain_registry.errors import BlobDamagedError, BlobMissingError, FileToStoreError
from regtrain_registry.store.content import Blob, Damage, Offered, Part, Store, Stored
from support.registry.tensor_files import KB, MB, noise, tensor_file, write_tensors

SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.data_too_large)


class Files(Protocol):
    """The files of a store, by their paths in it, without the store."""

    def names(self) -> set[str]: ...
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, content: bytes) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass
class Shelf:
    """A store, its files, a folder for other files, and what a registry would know of tensors."""

    store: Store
    files: Files
    folder: Path
    known: dict[str, Part] = field(default_factory=dict)
    count: int = 0

    def put(self, content: bytes, *, link: bool = False, digest: str | None = None) -> Stored:
        """Store a new file with this content."""
        self.count += 1
        path = self.folder / f"file-{self.count}"
        path.write_bytes(content)
        (stored,) = self.store.put([Offered(path, digest, link)], self.find)
        self.known |= {segment.digest: segment.place for segment in stored.segments}
        return stored

    def find(self, digests: Sequence[str]) -> dict[str, Part]:
        return {digest: self.known[digest] for digest in digests if digest in self.known}

    def fetched(self, blob: Blob) -> bytes:
        self.count += 1
        target = self.folder / f"fetched-{self.count}"
        self.store.fetch(blob, target)
        return target.read_bytes()

    def flip(self, blob: Blob, at: int = 0) -> None:
        """Change one bit of a blob's file."""
        content = bytearray(self.files.read(name_of(blob)))
        content[at] ^= 1
        self.files.write(name_of(blob), bytes(content))


def name_of(blob: Blob) -> str:
    return f"sha256/{blob.key}"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class StoreConformance:
    """One behaviour, wherever the bytes are."""

    @pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MB])
    @pytest.mark.parametrize("link", [False, True])
    def test_what_is_stored_comes_back(self, shelf: Shelf, size: int, link: bool) -> None:
        """Under its SHA-256, with nothing else left behind; also through a verified path."""
        content = noise("plain", size)
        stored = shelf.put(content, link=link)
        assert stored == Stored(Blob(sha256(content), size))
        assert shelf.files.names() == {name_of(stored.blob)}
        assert shelf.files.read(name_of(stored.blob)) == content
        assert shelf.fetched(stored.blob) == shelf.store.verified_path(stored.blob).read_bytes() == content
        assert shelf.store.missing([stored.blob]) == []
        assert shelf.store.check(stored.blob, read=True) is None

    @pytest.mark.parametrize("size", [100, 2 * MB])
    @pytest.mark.parametrize("link", [False, True])
    def test_equal_files_are_stored_once(self, shelf: Shelf, size: int, link: bool) -> None:
        """One after the other, or in one call."""
        content = noise("twice", size)
        assert shelf.put(content) == shelf.put(content, link=link)
        pair = [shelf.folder / name for name in ("one", "two")]
        for path in pair:
            path.write_bytes(content[1:])
        blobs = [stored.blob for stored in shelf.store.put([Offered(path, link=link) for path in pair])]
        assert blobs[0] == blobs[1]
        assert len(shelf.files.names()) == 2

    @pytest.mark.parametrize("size", [100, 2 * MB])
    def test_a_digest_that_is_given_is_checked(self, shelf: Shelf, size: int) -> None:
        """By either function, in either case; bare digits are a SHA-256. What has another one is not stored."""
        content = noise("said", size)
        right = {sha256(content), sha256(content)[7:], f"blake3:{blake3(content).hexdigest()}"}
        for digest in sorted(right):
            for said in (digest, digest.upper()):
                assert shelf.put(content, digest=said).blob.digest == sha256(content)
                with pytest.raises(FileToStoreError, match="digest"):
                    shelf.put(content[:-1] + b"?", digest=said)
        with pytest.raises(FileToStoreError, match="digest"):
            shelf.put(content, digest="md5:0")
        assert len(shelf.files.names()) == 1

    def test_damage_is_found_on_every_read(self, shelf: Shelf) -> None:
        """The digest is named, nothing is handed out, and the same file can be stored again once it is aside."""
        content = noise("damaged", 200_000)
        blob = shelf.put(content).blob
        shelf.flip(blob, 100_000)
        target = shelf.folder / "target"
        for read in (lambda: shelf.store.fetch(blob, target), lambda: shelf.store.verified_path(blob)):
            with pytest.raises(BlobDamagedError, match=blob.digest):
                read()
        assert not target.exists()
        assert shelf.store.missing([blob]) == []
        assert shelf.store.check(blob, read=False) is None
        assert shelf.store.check(blob, read=True) is Damage.CHANGED
        assert shelf.store.quarantine(blob) is not None
        assert shelf.files.names() == {f"quarantine/{blob.key}"}
        assert shelf.store.quarantine(blob) is None
        assert shelf.fetched(shelf.put(content).blob) == content

    @pytest.mark.parametrize("kind", ["small", "large", "tensors", "more tensors"])
    @pytest.mark.parametrize("link", [False, True])
    def test_what_equals_a_damaged_blob_replaces_it(self, shelf: Shelf, kind: str, link: bool) -> None:
        """Who offers the file again gets what was offered; also where its tensors lie elsewhere, too."""
        tensors = {f"t{n}": noise(n, MB) for n in range(3)}
        contents = {"small": noise("s", 100), "large": noise("l", 2 * MB)}
        content = contents.get(kind) or tensor_file(tensors | {"bias": b"1234"})
        blob = shelf.put(content).blob
        if kind == "more tensors":
            shelf.known = {}
            shelf.put(tensor_file(tensors))
        shelf.flip(blob, len(content) - 1)
        again = shelf.put(content, link=link)
        assert again.blob == blob
        assert shelf.fetched(blob) == content

    @pytest.mark.parametrize("link", [False, True])
    def test_a_damaged_tensor_is_not_referred_to(self, shelf: Shelf, link: bool) -> None:
        """It is stored anew; the others are referred to where they lie."""
        backbone = {f"b{n}": noise(n, MB) for n in range(4)}
        first = shelf.put(tensor_file(backbone))
        shelf.flip(first.blob, first.segments[1].place.start + MB - 1)
        content = tensor_file(backbone | {"head": noise("h", MB)})
        second = shelf.put(content, link=link)
        assert first.blob in {part.source for part in second.blob.parts}
        assert shelf.fetched(second.blob) == content

    def test_a_blob_of_the_wrong_size_is_none(self, shelf: Shelf) -> None:
        """It is missing, is refused by every read, and is replaced by the next that brings it."""
        content = noise("short", 5000)
        blob = shelf.put(content).blob
        shelf.files.write(name_of(blob), content[:-1])
        assert shelf.store.missing([blob]) == [blob]
        assert shelf.store.check(blob, read=False) is Damage.SIZE
        with pytest.raises(BlobDamagedError, match=blob.digest):
            shelf.store.fetch(blob, shelf.folder / "target")
        assert shelf.fetched(shelf.put(content).blob) == content

    def test_a_missing_blob_is_named(self, shelf: Shelf) -> None:
        """By every read, and by `missing` and `check`; also before anything was stored."""
        blob = Blob(sha256(b"never"), 5)
        assert shelf.store.missing([blob]) == [blob]
        assert shelf.store.check(blob, read=True) is Damage.MISSING
        assert shelf.store.quarantine(blob) is None
        target = shelf.folder / "target"
        for read in (lambda: shelf.store.fetch(blob, target), lambda: shelf.store.verified_path(blob)):
            with pytest.raises(BlobMissingError, match=blob.digest):
                read()
        assert not target.exists()

    def test_one_bad_file_stores_none(self, shelf: Shelf) -> None:
        """A call that fails leaves no temporary file; a folder, a FIFO's place and a missing file are refused."""
        good = shelf.folder / "good"
        good.write_bytes(noise("good", 2 * MB))
        for bad in (shelf.folder, shelf.folder / "missing"):
            with pytest.raises(FileToStoreError, match=bad.name):
                shelf.store.put([Offered(bad, link=True)])
            with pytest.raises(FileToStoreError, match=bad.name):
                shelf.store.put([Offered(bad)])
        assert shelf.files.names() == set()

    @pytest.mark.parametrize("link", [False, True])
    def test_tensors_that_are_there_are_not_stored_again(self, shelf: Shelf, link: bool) -> None:
        """The first file is whole; the next adds a file for each new large tensor and one for all the rest."""
        backbone = {f"b{n}": noise(n, MB) for n in range(6)}
        first = shelf.put(tensor_file(backbone | {"head": noise("h", MB), "bias": b"1234"}), link=link)
        assert first.blob.parts == ()
        assert [segment.place.source for segment in first.segments] == [first.blob] * 7
        content = tensor_file(backbone | {"head": noise("h2", MB), "mid": noise("m2", 100 * KB), "bias": b"5678"})
        second = shelf.put(content, link=link)
        assert second.blob == Blob(sha256(content), len(content), second.blob.parts)
        names = shelf.files.names() - {name_of(first.blob)}
        sizes = sorted(len(shelf.files.read(name)) for name in names)
        assert sizes == [len(content) - 7 * MB, MB]
        assert len(second.blob.parts) == 4  # header, backbone, head, the rest
        assert shelf.fetched(second.blob) == shelf.store.verified_path(second.blob).read_bytes() == content
        assert shelf.store.missing([second.blob]) == []
        assert shelf.store.check(second.blob, read=True) is None
        again = shelf.put(content, link=link)
        assert (again.blob.digest, again.segments) == (second.blob.digest, ())
        assert shelf.put(shelf.fetched(first.blob), link=link).blob == first.blob
        new = shelf.files.names() - names - {name_of(first.blob)}
        assert sum(len(shelf.files.read(name)) for name in new) < KB  # the header again, without the tensor beside it

    def test_a_composed_blob_needs_each_of_its_parts(self, shelf: Shelf) -> None:
        """A bit in any of them is found, one that is gone is named, and tensors in it are stored anew."""
        backbone = {f"b{n}": noise(n, MB) for n in range(3)}
        first = shelf.put(tensor_file(backbone))
        content = tensor_file(backbone | {"head": noise("h", MB)})
        blob = shelf.put(content).blob
        sources = list({part.source.digest: part.source for part in blob.parts}.values())
        assert len(sources) == 3
        for source in sources:
            whole = shelf.files.read(name_of(source))
            shelf.flip(source, len(whole) - 1)
            assert shelf.store.check(blob, read=True) is Damage.CHANGED
            with pytest.raises(BlobDamagedError, match=blob.digest):
                shelf.fetched(blob)
            shelf.files.write(name_of(source), whole[:-1])
            assert shelf.store.check(blob, read=False) is Damage.SIZE
            shelf.files.remove(name_of(source))
            assert shelf.store.missing([blob]) == [source]
            with pytest.raises(BlobMissingError, match=source.digest):
                shelf.fetched(blob)
            shelf.files.write(name_of(source), whole)
        assert shelf.fetched(blob) == content
        shelf.files.remove(name_of(first.blob))
        assert shelf.fetched(shelf.put(content).blob) == content

    @pytest.mark.parametrize("link", [False, True])
    def test_a_file_may_repeat_itself(self, shelf: Shelf, link: bool) -> None:
        """The same tensor under two names is stored once; so are those that two files of one call share."""
        tensor, other = noise("same", 2 * MB), noise("other", 2 * MB)
        content = tensor_file({"a": tensor, "b": tensor, "c": other})
        assert shelf.fetched(shelf.put(content, link=link).blob) == content
        assert sum(len(shelf.files.read(name)) for name in shelf.files.names()) == len(content) - 2 * MB
        paths = [
            write_tensors(shelf.folder / f"pair-{n}", {"x": noise("x", 2 * MB), "y": noise(n, KB)}) for n in range(2)
        ]
        contents = [path.read_bytes() for path in paths]
        stored = shelf.store.put([Offered(path, link=link) for path in paths], shelf.find)
        assert [bool(one.blob.parts) for one in stored] == [False, True]
        assert [shelf.fetched(one.blob) for one in stored] == contents

    def test_little_in_common_is_stored_whole(self, shelf: Shelf) -> None:
        """Below a tenth of the bytes a file is not cut."""
        shelf.put(tensor_file({"a": noise("a", MB), "b": noise("b", 70 * KB)}))
        stored = shelf.put(tensor_file({"a": noise("c", MB), "b": noise("b", 70 * KB)}))
        assert stored.blob.parts == ()

    def test_a_range_that_is_known_wrongly_is_not_used(self, shelf: Shelf) -> None:
        """Where what is said of a tensor has another size than the tensor, it is stored."""
        tensors = {"a": noise("a", 2 * MB), "b": noise("b", 2 * MB)}
        shelf.put(tensor_file(tensors))
        shelf.known = {digest: Part(p.source, p.start, p.size_bytes - 1) for digest, p in shelf.known.items()}
        content = tensor_file(tensors | {"c": b"c"})
        stored = shelf.put(content)
        assert stored.blob.parts == ()
        assert shelf.fetched(stored.blob) == content

    @given(data=st.data())
    @settings(max_examples=12, suppress_health_check=SHARED)
    def test_any_files_come_back_byte_for_byte(self, shelf: Shelf, data: st.DataObject) -> None:
        """Whatever they share, linked or copied, in any order of tensors and sizes around the limits."""
        sizes = st.sampled_from([0, 3, 64 * KB - 1, 64 * KB, 64 * KB + 5, MB - 1, MB, 2 * MB])
        pool = [noise(f"{n}", data.draw(sizes)) for n in range(6)]
        chosen = st.lists(st.integers(0, 5), min_size=1, max_size=6)
        for _ in range(3):
            content = tensor_file({f"t{n}": pool[which] for n, which in enumerate(data.draw(chosen))})
            stored = shelf.put(content, link=data.draw(st.booleans()))
            assert stored.blob.digest == sha256(content)
            assert shelf.fetched(stored.blob) == content
            assert not [name for name in shelf.files.names() if not name.startswith("sha256/")]
