"""Weights are safetensors: bytes that are none are refused, and found where they came in by another way."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry
from regtrain_registry.errors import FileToStoreError, StoreUnavailableError, WeightsFormatError
from regtrain_registry.testing.tensor_files import noise, tensor_file
from support.registry.places import make_place

GOOD = tensor_file({"a": noise("a", 100), "b": noise("b", 100)})
BAD = {
    "a pickle": pickle.dumps({"w": [1.0] * 100}),
    "a cut file": GOOD[:-1],
    "a broken header": GOOD.replace(b"dtype", b'dt"pe'),
    "overlapping tensors": GOOD.replace(b"[100, 200]", b"[0, 100]  "),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD)
def test_bytes_that_are_no_weights_are_refused(registry: Registry, tmp_path: Path, kind: str) -> None:
    """Bad input, by the name of the file; nothing is registered, and under another name they are bytes."""
    path = tmp_path / "weights"
    path.write_bytes(BAD[kind])
    with pytest.raises(WeightsFormatError, match=f"{path.name} is not a safetensors file") as caught:
        registry.register(Registration("m", (FileToStore(path, "model.safetensors", ArtifactKind.WEIGHTS),)))
    assert caught.value.exit_code == 2
    assert registry.models() == []
    assert not list(Path(registry.store_place).glob("*/*/*"))
    registry.register(Registration("m", (FileToStore(path, "model.pt", ArtifactKind.WEIGHTS),)))
    registry.register(Registration("m", (FileToStore(path, "notes.safetensors", ArtifactKind.OTHER),)))


@pytest.mark.parametrize("kind", BAD)
def test_bytes_that_are_no_weights_are_reported(registry: Registry, tmp_path: Path, kind: str) -> None:
    """By `verify` and by `fsck` with the data read, where a row of another program says that they are weights."""
    path = tmp_path / "weights"
    path.write_bytes(BAD[kind])
    version = registry.register(Registration("m", (FileToStore(path, "model.pt", ArtifactKind.WEIGHTS),)))
    with registry._database._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rt_artifacts SET path = 'model.safetensors'")
    assert [file.problem for file in registry.verify(version.ref).files] == ["not safetensors"]
    problems = registry.fsck(read_data=True).problems
    found = [problem for problem in problems if problem.kind == "format"]
    assert [(problem.subject, problem.versions) for problem in found] == [(version.artifacts[0].digest, (version.ref,))]
    assert "not safetensors" in found[0].message
    assert "format" not in {problem.kind for problem in registry.fsck(repair=True).problems}


@pytest.mark.parametrize("kind", BAD)
def test_an_archive_with_bytes_that_are_no_weights_is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As a release may have written it that did not read weights; nothing of it is imported."""
    path = tmp_path / "weights"
    path.write_bytes(BAD[kind])
    with monkeypatch.context() as patch:
        patch.setattr("regtrain_registry.ops.blobs.is_safetensors", lambda kind, name: False)
        registry.register(Registration("m", (FileToStore(path, "model.safetensors", ArtifactKind.WEIGHTS),)))
    registry.export_archive(None, tmp_path / "m.tar")
    other = make_place(tmp_path / "other").open()
    with pytest.raises(
        WeightsFormatError, match=r"^model.safetensors of m@1.0.0 in the archive is not a safetensors file: "
    ) as caught:
        other.import_archive(tmp_path / "m.tar")
    assert caught.value.exit_code == 2
    assert other.models() == []


def test_sound_weights_pass(registry: Registry, tmp_path: Path) -> None:
    """Also without a tensor."""
    for number, content in enumerate((GOOD, tensor_file({}))):
        path = tmp_path / f"weights-{number}"
        path.write_bytes(content)
        registry.register(Registration("m", (FileToStore(path, "model.safetensors", ArtifactKind.WEIGHTS),)))
        assert not registry.verify(f"m/{number + 1}").damaged
    assert registry.fsck(read_data=True).ok


def test_a_sparse_file_of_a_terabyte_is_not_read(registry: Registry, tmp_path: Path) -> None:
    """It costs nothing to make, and hours to read."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(10**12)
    for link in (True, False):
        for name in ("model.safetensors", "notes.bin"):
            with pytest.raises(FileToStoreError, match="sparse") as caught:
                registry.register(Registration("m", (FileToStore(path, name, ArtifactKind.WEIGHTS, link=link),)))
            assert caught.value.exit_code == 2
    assert registry.models() == []


def test_a_file_larger_than_the_disk_is_not_copied(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is known before the first byte is written."""
    path = tmp_path / "notes"
    path.write_bytes(b"1" * 4097)
    full = [*os.statvfs(tmp_path)]
    full[0], full[1], full[4] = 4096, 4096, 1  # block size, fragment size, blocks that are free for users
    monkeypatch.setattr("regtrain_registry.store.ingest.os.statvfs", lambda folder: os.statvfs_result(full))
    with pytest.raises(StoreUnavailableError, match="4096 bytes left, and the file has 4097"):
        registry.register(Registration("m", (FileToStore(path, "notes.bin"),)))
    assert registry.models() == []
