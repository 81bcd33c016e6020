"""Files that share tensors, in any database: the part of the conformance class that looks at blobs and their parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain_registry import Registration, Registry, VersionInfo
from regtrain_registry.errors import BlobMissingError
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file
from support.registry.places import Place

BACKBONE = {f"b{n}": noise(n, MB) for n in range(3)}


def head(seed: str) -> bytes:
    """A file with the shared backbone and a head of its own."""
    return tensor_file(BACKBONE | {"head": noise(seed, MB), "bias": noise(seed, KB)})


class ContentConformance:
    """The same parts of the same files, whatever keeps the rows."""

    def made(self, place: Place, content: bytes, model: str = "digits", link: bool = True) -> VersionInfo:
        file = place.weights(content)
        return place.open().register(Registration(model, (place.linked(file) if link else file,)))

    def test_tensors_are_shared_across_versions_and_models(self, place: Place) -> None:
        """What is known is not stored again, and every version comes back byte for byte."""
        contents = [head(seed) for seed in ("one", "two", "three")]
        models = ("digits", "digits", "letters")
        for content, model, link in zip(contents, models, (True, True, False), strict=True):
            self.made(place, content, model, link)
        assert place.count("rt_segments") == 6  # three of the backbone, three heads
        rows = place.execute("SELECT composed, count(*), sum(size_bytes) FROM rt_blobs GROUP BY composed ORDER BY 1")
        assert [(bool(composed), count) for composed, count, _ in rows] == [(False, 5), (True, 2)]
        assert int(rows[0][2]) == sum(path.stat().st_size for path in (place.folder / "blobs" / "sha256").iterdir())
        assert int(rows[0][2]) < len(contents[0]) + 2 * (MB + 2 * KB)
        for n, (ref, content) in enumerate(zip(("digits/1", "digits/2", "letters/1"), contents, strict=True)):
            assert place.open().checkout(ref, place.folder / f"out-{n}")[0].read_bytes() == content

    def test_the_same_file_again_leaves_the_rows_as_they_are(self, place: Place) -> None:
        """Whole or composed: no row and no reference comes to it but the version's."""
        contents = [head(seed) for seed in ("one", "two")]
        for content in contents:
            self.made(place, content)
        counts = [place.count(table) for table in ("rt_blobs", "rt_parts", "rt_segments")]
        for content in contents:
            for link in (True, False):
                self.made(place, content, link=link)
        assert [place.count(table) for table in ("rt_blobs", "rt_parts", "rt_segments")] == counts
        assert place.count("rt_versions") == 6

    def test_what_was_collected_is_not_referred_to(self, place: Place) -> None:
        """Tensors of a collected blob are stored anew, and found at their new place from then on."""
        first = self.made(place, head("one"))
        place.execute("UPDATE rt_blobs SET collected_at = '2026-01-01 00:00:00'")
        second = self.made(place, head("two"))
        third = self.made(place, head("three"))
        sources = {source for (source,) in place.execute("SELECT DISTINCT source FROM rt_parts")}
        assert second.digest in sources
        assert first.digest not in sources
        (places,) = place.execute(f"SELECT count(*) FROM rt_segments AS s WHERE s.blob = '{second.digest}'")
        assert places == (4,)
        for version in (second, third):
            place.open().checkout(version.ref, place.folder / f"out-{version.number}")

    @pytest.mark.parametrize("whole_again", [True, False])
    def test_a_collected_file_can_be_registered_again(self, place: Place, whole_again: bool) -> None:
        """Its row lives again, cut or whole as it is stored now, and nothing of its earlier parts is left."""
        self.made(place, head("one"))
        version = self.made(place, head("two"))
        folder = place.folder / "blobs" / "sha256"
        gone = "composed" if not whole_again else "1 = 1"
        place.execute(f"UPDATE rt_blobs SET collected_at = '2026-01-01 00:00:00' WHERE {gone}")
        if whole_again:
            for path in folder.iterdir():
                path.unlink()
        again = self.made(place, head("two"))
        assert again.digest == version.digest
        rows = place.execute(f"SELECT composed, collected_at FROM rt_blobs WHERE digest = '{version.digest}'")
        assert [(bool(composed), at) for composed, at in rows] == [(not whole_again, None)]
        parts = place.execute(f"SELECT count(*) FROM rt_parts WHERE digest = '{version.digest}'")[0][0]
        assert bool(parts) is not whole_again
        assert place.open().checkout(again.ref, place.folder / "out")[0].read_bytes() == head("two")

    def test_a_composed_file_is_healed(self, place: Place) -> None:
        """Where a file that others are cut from is lost, registering one of them again stores it whole."""
        self.made(place, head("one"))
        version = self.made(place, head("two"))
        store = place.folder / "blobs" / "sha256"
        for path in store.iterdir():
            path.unlink()
        with pytest.raises(BlobMissingError):
            place.open().checkout(version.ref, place.folder / "lost")
        again = self.made(place, head("two"), link=False)
        for ref in (version.ref, again.ref):
            path = place.open().checkout(ref, place.folder / ref.replace("@", "-"))[0]
            assert path.read_bytes() == head("two")

    def test_an_export_that_goes_before_the_commit_is_stored_again(
        self, place: Place, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Collected between being stored and being recorded."""
        version = self.made(place, head("one"))
        put, lost = registry._store.put, list[str]()

        def put_and_lose(*arguments: object) -> object:
            stored = put(*arguments)  # type: ignore[arg-type]
            if not lost:
                lost.append(stored[0].blob.key)
                (place.folder / "blobs" / "sha256" / lost[0]).unlink()
            return stored

        monkeypatch.setattr(registry._store, "put", put_and_lose)
        registry.record_export(version.ref, "onnx", place.weights(b"graph").path, passed=True)
        assert registry.show(version.ref).exports[0].digest == f"sha256:{lost[0]}"
        assert registry.fsck(read_data=True).ok

    def test_a_source_that_goes_before_the_commit_is_stored_again(
        self, place: Place, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The transaction looks for the files of every part, not only for new ones."""
        first = self.made(place, head("one"))
        source = place.folder / "blobs" / "sha256" / first.digest.removeprefix("sha256:")
        put, lost = registry._store.put, list[Path]()

        def put_and_lose(*arguments: object) -> object:
            stored = put(*arguments)  # type: ignore[arg-type]
            if not lost:
                lost.append(source)
                source.unlink()
            return stored

        monkeypatch.setattr(registry._store, "put", put_and_lose)
        version = registry.register(Registration("digits", (place.weights(head("two")),)))
        assert registry.checkout(version.ref, place.folder / "out")[0].read_bytes() == head("two")
