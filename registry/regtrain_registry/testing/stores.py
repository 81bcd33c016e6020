"""What every store owes, whatever keeps its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from blake3 import blake3

from regtrain_registry.errors import BlobDamagedError, BlobMissingError, FileToStoreError, WeightsFormatError
from regtrain_registry.store.blob import Blob, Damage, Range, SourceFile, Stored
from regtrain_registry.store.store import Store
from regtrain_registry.testing.store_case import Files, StoreCase, StoreFiles, name_of, sha256
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file, write_tensors

__all__ = ["StoreConformance"]


class StoreConformance:
    """What is stored comes back byte for byte, damage is found by every read, and files leave by the trash.

    A subclass has a fixture `store`: a new, empty store. The fixture `files` may be overridden by access to its files
    that does not go through the store.
    """

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("a fixture `store` returns a new, empty store")

    @pytest.fixture
    def files(self, store: Store, tmp_path: Path) -> Files:
        """Access to the files of the store."""
        return StoreFiles(store, tmp_path)

    @pytest.fixture
    def case(self, store: Store, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreCase:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        folder = tmp_path / "outside"
        folder.mkdir()
        return StoreCase(store, files, folder)

    @pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MB])
    @pytest.mark.parametrize("link", [False, True])
    def test_what_is_stored_comes_back(self, case: StoreCase, size: int, link: bool) -> None:
        """Under its SHA-256, with nothing else left behind; also through a verified path."""
        content = noise("plain", size)
        stored = case.put(content, link=link)
        assert stored == Stored(Blob(sha256(content), size))
        assert case.files.names() == {name_of(stored.blob)}
        assert case.files.read(name_of(stored.blob)) == content
        assert case.fetched(stored.blob) == case.store.verified_path(stored.blob).read_bytes() == content
        assert case.store.missing([stored.blob]) == []
        assert case.store.check(stored.blob, read=True) is None

    @pytest.mark.parametrize("size", [100, 2 * MB])
    @pytest.mark.parametrize("link", [False, True])
    def test_equal_files_are_stored_once(self, case: StoreCase, size: int, link: bool) -> None:
        """One after the other, or in one call."""
        content = noise("twice", size)
        assert case.put(content) == case.put(content, link=link)
        pair = [case.folder / name for name in ("one", "two")]
        for path in pair:
            path.write_bytes(content[1:])
        blobs = [stored.blob for stored in case.store.put([SourceFile(path, link=link) for path in pair])]
        assert blobs[0] == blobs[1]
        assert len(case.files.names()) == 2

    @pytest.mark.parametrize("size", [100, 2 * MB])
    def test_a_digest_that_is_given_is_checked(self, case: StoreCase, size: int) -> None:
        """By either function, in either case; bare digits are a SHA-256. What has another one is not stored."""
        content = noise("digest", size)
        right = {sha256(content), sha256(content)[7:], f"blake3:{blake3(content).hexdigest()}"}
        for digest in sorted(right):
            for expected in (digest, digest.upper()):
                assert case.put(content, digest=expected).blob.digest == sha256(content)
                with pytest.raises(FileToStoreError, match="digest"):
                    case.put(content[:-1] + b"?", digest=expected)
        with pytest.raises(FileToStoreError, match="digest"):
            case.put(content, digest="md5:0")
        assert len(case.files.names()) == 1

    def test_damage_is_found_on_every_read(self, case: StoreCase) -> None:
        """The digest is named, nothing is handed out, and the same file can be stored again once it is aside."""
        content = noise("damaged", 200_000)
        blob = case.put(content).blob
        case.flip(blob, 100_000)
        target = case.folder / "target"
        for read in (lambda: case.store.fetch(blob, target), lambda: case.store.verified_path(blob)):
            with pytest.raises(BlobDamagedError, match=blob.digest):
                read()
        assert not target.exists()
        assert case.store.missing([blob]) == []
        assert case.store.check(blob, read=False) is None
        assert case.store.check(blob, read=True) is Damage.CHANGED
        assert case.store.quarantine(blob) is not None
        assert case.files.names() == {f"quarantine/{blob.key}"}
        assert case.store.quarantine(blob) is None
        assert case.fetched(case.put(content).blob) == content

    @pytest.mark.parametrize("kind", ["small", "large", "tensors", "more tensors"])
    @pytest.mark.parametrize("link", [False, True])
    def test_what_equals_a_damaged_blob_replaces_it(self, case: StoreCase, kind: str, link: bool) -> None:
        """Who offers the file again gets what was offered; also where its tensors lie elsewhere, too."""
        tensors = {f"t{n}": noise(n, MB) for n in range(3)}
        contents = {"small": noise("s", 100), "large": noise("l", 2 * MB)}
        content = contents.get(kind) or tensor_file(tensors | {"bias": b"1234"})
        blob = case.put(content).blob
        if kind == "more tensors":
            case.known = {}
            case.put(tensor_file(tensors))
        case.flip(blob, len(content) - 1)
        again = case.put(content, link=link)
        assert again.blob == blob
        assert case.fetched(blob) == content

    @pytest.mark.parametrize("link", [False, True])
    def test_a_damaged_tensor_is_not_referred_to(self, case: StoreCase, link: bool) -> None:
        """It is stored anew; the others are referred to where they lie."""
        backbone = {f"b{n}": noise(n, MB) for n in range(4)}
        first = case.put(tensor_file(backbone))
        case.flip(first.blob, first.tensors[1].range.start + MB - 1)
        content = tensor_file(backbone | {"head": noise("h", MB)})
        second = case.put(content, link=link)
        assert first.blob in {part.source for part in second.blob.ranges}
        assert case.fetched(second.blob) == content

    def test_a_blob_of_the_wrong_size_is_none(self, case: StoreCase) -> None:
        """It is missing, is refused by every read, and is replaced by the next that brings it."""
        content = noise("short", 5000)
        blob = case.put(content).blob
        case.files.write(name_of(blob), content[:-1])
        assert case.store.missing([blob]) == [blob]
        assert case.store.check(blob, read=False) is Damage.SIZE
        with pytest.raises(BlobDamagedError, match=blob.digest):
            case.store.fetch(blob, case.folder / "target")
        assert case.fetched(case.put(content).blob) == content

    def test_a_missing_blob_is_named(self, case: StoreCase) -> None:
        """By every read, and by `missing` and `check`; also before anything was stored."""
        blob = Blob(sha256(b"never"), 5)
        assert case.store.missing([blob]) == [blob]
        assert case.store.check(blob, read=True) is Damage.MISSING
        assert case.store.quarantine(blob) is None
        target = case.folder / "target"
        for read in (lambda: case.store.fetch(blob, target), lambda: case.store.verified_path(blob)):
            with pytest.raises(BlobMissingError, match=blob.digest):
                read()
        assert not target.exists()

    def test_one_bad_file_stores_none(self, case: StoreCase) -> None:
        """A call that fails leaves no temporary file; a folder, a FIFO's place and a missing file are refused."""
        good = case.folder / "good"
        good.write_bytes(noise("good", 2 * MB))
        for bad in (case.folder, case.folder / "missing"):
            with pytest.raises(FileToStoreError, match=bad.name):
                case.store.put([SourceFile(bad, link=True)])
            with pytest.raises(FileToStoreError, match=bad.name):
                case.store.put([SourceFile(bad)])
        assert case.files.names() == set()

    @pytest.mark.parametrize("link", [False, True])
    def test_tensors_that_are_there_are_not_stored_again(self, case: StoreCase, link: bool) -> None:
        """The first file is whole; the next adds a file for each new large tensor and one for all the rest."""
        backbone = {f"b{n}": noise(n, MB) for n in range(6)}
        first = case.put(tensor_file(backbone | {"head": noise("h", MB), "bias": b"1234"}), link=link)
        assert first.blob.ranges == ()
        assert [tensor.range.source for tensor in first.tensors] == [first.blob] * 7
        content = tensor_file(backbone | {"head": noise("h2", MB), "mid": noise("m2", 100 * KB), "bias": b"5678"})
        second = case.put(content, link=link)
        assert second.blob == Blob(sha256(content), len(content), second.blob.ranges)
        names = case.files.names() - {name_of(first.blob)}
        sizes = sorted(len(case.files.read(name)) for name in names)
        assert sizes == [len(content) - 7 * MB, MB]
        assert len(second.blob.ranges) == 4  # header, backbone, head, the rest
        assert case.fetched(second.blob) == case.store.verified_path(second.blob).read_bytes() == content
        assert case.store.missing([second.blob]) == []
        assert case.store.check(second.blob, read=True) is None
        again = case.put(content, link=link)
        assert (again.blob.digest, again.tensors) == (second.blob.digest, ())
        assert case.put(case.fetched(first.blob), link=link).blob == first.blob
        new = case.files.names() - names - {name_of(first.blob)}
        assert sum(len(case.files.read(name)) for name in new) < KB  # the header again, without the tensor beside it

    def test_a_chunked_blob_needs_each_of_its_sources(self, case: StoreCase) -> None:
        """A bit in any of them is found, one that is missing is named, and tensors in it are stored anew."""
        backbone = {f"b{n}": noise(n, MB) for n in range(3)}
        first = case.put(tensor_file(backbone))
        content = tensor_file(backbone | {"head": noise("h", MB)})
        blob = case.put(content).blob
        sources = list({part.source.digest: part.source for part in blob.ranges}.values())
        assert len(sources) == 3
        for source in sources:
            whole = case.files.read(name_of(source))
            case.flip(source, len(whole) - 1)
            assert case.store.check(blob, read=True) is Damage.CHANGED
            with pytest.raises(BlobDamagedError, match=blob.digest):
                case.fetched(blob)
            case.files.write(name_of(source), whole[:-1])
            assert case.store.check(blob, read=False) is Damage.SIZE
            case.files.remove(name_of(source))
            assert case.store.missing([blob]) == [source]
            with pytest.raises(BlobMissingError, match=source.digest):
                case.fetched(blob)
            case.files.write(name_of(source), whole)
        assert case.fetched(blob) == content
        case.files.remove(name_of(first.blob))
        assert case.fetched(case.put(content).blob) == content

    @pytest.mark.parametrize("link", [False, True])
    def test_a_file_may_repeat_itself(self, case: StoreCase, link: bool) -> None:
        """The same tensor under two names is stored once; so are those that two files of one call share."""
        tensor, other = noise("same", 2 * MB), noise("other", 2 * MB)
        content = tensor_file({"a": tensor, "b": tensor, "c": other})
        assert case.fetched(case.put(content, link=link).blob) == content
        assert sum(len(case.files.read(name)) for name in case.files.names()) == len(content) - 2 * MB
        paths = [
            write_tensors(case.folder / f"pair-{n}", {"x": noise("x", 2 * MB), "y": noise(n, KB)}) for n in range(2)
        ]
        contents = [path.read_bytes() for path in paths]
        stored = case.store.put([SourceFile(path, link=link) for path in paths], case.find)
        assert [bool(one.blob.ranges) for one in stored] == [False, True]
        assert [case.fetched(one.blob) for one in stored] == contents

    def test_little_in_common_is_stored_whole(self, case: StoreCase) -> None:
        """Below a tenth of the bytes a file is not cut."""
        case.put(tensor_file({"a": noise("a", MB), "b": noise("b", 70 * KB)}))
        stored = case.put(tensor_file({"a": noise("c", MB), "b": noise("b", 70 * KB)}))
        assert stored.blob.ranges == ()

    def test_a_range_that_is_known_wrongly_is_not_used(self, case: StoreCase) -> None:
        """A recorded range of another size than the tensor is left alone, and the tensor is stored."""
        tensors = {"a": noise("a", 2 * MB), "b": noise("b", 2 * MB)}
        case.put(tensor_file(tensors))
        case.known = {digest: Range(p.source, p.start, p.size_bytes - 1) for digest, p in case.known.items()}
        content = tensor_file(tensors | {"c": b"c"})
        stored = case.put(content)
        assert stored.blob.ranges == ()
        assert case.fetched(stored.blob) == content

    def test_weights_must_be_safetensors(self, case: StoreCase) -> None:
        """A pickle, a cut file, a broken header and overlapping tensors are refused, copied or linked, of any size."""
        for size in (10, MB):
            good = tensor_file({"a": noise("a", size), "b": noise("b", size)})
            header = len(good) - 2 * size
            overlap = good[:header].replace(
                f"[{size}, {2 * size}]".encode(), f"[0, {size}]".encode().ljust(len(f"[{size}, {2 * size}]"))
            )
            bad = {
                "pickle": b"\x80\x04\x95" + noise("p", 2 * size),
                "empty": b"",
                "cut": good[:-1],
                "longer": good + b"1",
                "cut in the header": good[: header - 5],
                "broken": good.replace(b"dtype", b'dt"pe'),
                "overlapping": overlap + good[header:],
            }
            for name, content in bad.items():
                for link in (False, True):
                    path = case.file(content)
                    with pytest.raises(WeightsFormatError, match=path.name):
                        case.store.put([SourceFile(path, link=link, safetensors=True)])
                assert case.files.names() == set(), name
        (stored,) = case.store.put([SourceFile(case.file(good), safetensors=True)])
        assert case.store.check(stored.blob, read=True, safetensors=True) is None
        assert case.store.check(case.put(bad["pickle"]).blob, read=True, safetensors=True) is Damage.FORMAT

    def test_a_much_longer_file_is_not_read_to_its_end(self, case: StoreCase) -> None:
        """It is damaged, and what is copied of it is removed."""
        blob = case.put(b"content").blob
        case.files.write(name_of(blob), b"content" + bytes(5 * MB))
        for read in (lambda: case.store.fetch(blob, case.folder / "target"), lambda: case.store.verified_path(blob)):
            with pytest.raises(BlobDamagedError, match=blob.digest):
                read()
        assert not (case.folder / "target").exists()

    def test_an_empty_store_has_nothing(self, case: StoreCase) -> None:
        """Nothing is created by looking, nor by cleaning."""
        store, digest = case.store, sha256(b"")
        assert (store.entries(), store.trashed(), store.tidy(), store.owners()) == ([], [], 0, {})
        assert store.absent({digest}) == {digest}
        assert store.trash([digest], 1, 0.0) == set()
        assert case.files.names() == set()

    def test_files_go_into_the_trash_and_out_of_it(self, case: StoreCase) -> None:
        """With the tick at which they went; back, or deleted; a file that is not there any more is no error."""
        store = case.store
        one, two, three = (case.put(content).blob.digest for content in (b"1", b"22", b"333"))
        assert {(entry.digest, entry.size_bytes) for entry in store.entries()} == {(one, 1), (two, 2), (three, 3)}
        assert all(-60 < entry.age < 60 for entry in store.entries())
        for _ in range(2):
            assert store.trash([one, two], 7, 0.0) == set()
        assert store.absent({one, two, three}) == {one, two}
        trashed = {file.digest: file for file in store.trashed()}
        assert {(file.digest, file.size_bytes, file.tick) for file in trashed.values()} == {(one, 1, 7), (two, 2, 7)}
        for _ in range(2):
            store.restore([trashed[one]])
            store.purge([trashed[two]])
        assert store.trashed() == []
        assert store.absent({one, two, three}) == {two}
        assert case.fetched(Blob(one, 1)) == b"1"

    def test_files_that_became_young_stay(self, case: StoreCase) -> None:
        """A writer that stored one again is about to register it."""
        digests = {case.put(content).blob.digest for content in (b"1", b"22")}
        assert case.store.trash(sorted(digests), 7, 1000.0) == digests
        assert case.store.absent(digests) == set()

    def test_a_file_that_came_back_is_not_written_over(self, case: StoreCase) -> None:
        """A file that was stored again stays, whatever lies in the trash under its name."""
        digest = case.put(b"1").blob.digest
        case.store.trash([digest], 7, 0.0)
        case.put(b"1")
        case.store.restore(case.store.trashed())
        assert len(case.store.trashed()) == 1
        assert case.store.absent({digest}) == set()

    def test_a_store_knows_its_registries(self, case: StoreCase) -> None:
        """Each registry once, with every place where it was; other files there are no registries."""
        one, two = (f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "ab")
        for place in ("here", "there", "here"):
            case.store.claim(one, place)
        case.store.claim(two, "elsewhere")
        case.files.write("registries/README", b"not one")
        assert case.store.owners() == {one: ["here", "there"], two: ["elsewhere"]}
        assert not [name for name in case.files.names() if name.startswith("tmp/")]
