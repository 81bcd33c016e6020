"""Files that are linked into the store instead of copied, and twenty checkpoints that share most of their bytes."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry, VersionInfo
from regtrain_registry.errors import BlobDamagedError, FileToStoreError, StoreUnavailableError
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file, write_tensors

SIZES = (100, 2 * MB)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "home" / "blobs"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def one(registry: Registry, path: Path, **options: Any) -> VersionInfo:
    """Register one file that may be linked."""
    file = FileToStore(path, "model.bin", ArtifactKind.WEIGHTS, link=True, **options)
    return registry.register(Registration("digits", (file,)))


def blob(store: Path, version: VersionInfo) -> Path:
    return store / "sha256" / version.digest.removeprefix("sha256:")


def assert_tidy(store: Path) -> None:
    assert list(store.glob("tmp/*")) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_file_that_may_be_linked_is(registry: Registry, store: Path, tmp_path: Path, size: int) -> None:
    """One file under two names, read-only under both; taking away the one leaves the other."""
    path = tmp_path / "weights"
    path.write_bytes(noise("linked", size))
    version = one(registry, path)
    status = path.stat()
    assert status.st_ino == blob(store, version).stat().st_ino
    assert (status.st_nlink, stat.S_IMODE(status.st_mode)) == (2, 0o400)
    assert_tidy(store)
    path.unlink()
    assert registry.checkout("digits", tmp_path / "out")[0].read_bytes() == noise("linked", size)


@pytest.mark.parametrize("size", SIZES)
def test_other_files_are_copied(registry: Registry, store: Path, tmp_path: Path, size: int) -> None:
    """What the owner may go on writing to stays as it is, and stays writable."""
    path = tmp_path / "weights"
    path.write_bytes(noise("copied", size))
    path.chmod(0o644)
    version = registry.register(Registration("digits", (FileToStore(path, "w", ArtifactKind.WEIGHTS),)))
    path.write_bytes(b"something else")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert stat.S_IMODE(blob(store, version).stat().st_mode) == 0o400
    assert registry.checkout("digits", tmp_path / "out")[0].read_bytes() == noise("copied", size)


@pytest.mark.parametrize("size", SIZES)
def test_writing_through_the_other_name_is_found(registry: Registry, store: Path, tmp_path: Path, size: int) -> None:
    """Who makes the file of a run writable again and changes it is found out by the next read."""
    path = tmp_path / "weights"
    path.write_bytes(noise("changed", size))
    version = one(registry, path)
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(50)
        stream.write(b"!")
    with pytest.raises(BlobDamagedError, match=version.digest):
        registry.checkout("digits", tmp_path / "out")
    with pytest.raises(BlobDamagedError, match=version.digest):
        registry.open_artifact("digits")


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES])
@pytest.mark.parametrize("size", SIZES)
def test_where_links_are_refused_files_are_copied(
    registry: Registry, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, size: int
) -> None:
    """Another file system, one without links, too many of them, another owner."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "weights"
    path.write_bytes(noise("refused", size))
    version = one(registry, path)
    assert path.stat().st_nlink == blob(store, version).stat().st_nlink == 1
    assert registry.checkout("digits", tmp_path / "out")[0].read_bytes() == noise("refused", size)
    assert_tidy(store)


def test_another_file_system_is_no_obstacle(registry: Registry, store: Path, tmp_path: Path) -> None:
    """A real one, where this machine has it."""
    shared_memory = Path("/dev/shm")
    if not os.access(shared_memory, os.W_OK) or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no other file system to write to")
    path = shared_memory / f"regtrain-test-{os.getpid()}"
    try:
        path.write_bytes(noise("elsewhere", 2 * MB))
        version = one(registry, path)
        assert path.stat().st_nlink == 1
        assert blob(store, version).read_bytes() == path.read_bytes()
    finally:
        path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give files away")
def test_files_of_others_are_copied(registry: Registry, store: Path, tmp_path: Path) -> None:
    """Their owner could make them writable again."""
    path = tmp_path / "weights"
    path.write_bytes(noise("theirs", 2 * MB))
    os.chown(path, 65534, 65534)
    version = one(registry, path)
    assert path.stat().st_ino != blob(store, version).stat().st_ino
    assert blob(store, version).stat().st_uid == 0
    assert_tidy(store)


@pytest.mark.parametrize("what", ["symlink", "fifo", "folder", "missing", "loop"])
def test_only_regular_files_are_linked(registry: Registry, store: Path, tmp_path: Path, what: str) -> None:
    """A symbolic link is followed and its file copied; what is no file is refused at once."""
    target, path = tmp_path / "target", tmp_path / "offered"
    target.write_bytes(noise("target", 2 * MB))
    make: dict[str, Callable[[], Any]] = {
        "symlink": lambda: path.symlink_to(target),
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "missing": lambda: None,
        "loop": lambda: path.symlink_to(path),
    }
    make[what]()
    if what == "symlink":
        version = one(registry, path)
        assert target.stat().st_ino != blob(store, version).stat().st_ino
        assert not blob(store, version).is_symlink()
    else:
        with pytest.raises(FileToStoreError, match="offered"):
            one(registry, path)
    assert_tidy(store)


def test_the_same_checkpoint_can_be_registered_again(registry: Registry, store: Path, tmp_path: Path) -> None:
    """Also when the store lost it meanwhile: the run's own file is linked again."""
    path = tmp_path / "weights"
    path.write_bytes(noise("again", 2 * MB))
    first, second = one(registry, path), one(registry, path)
    assert first.digest == second.digest
    blob(store, first).unlink()
    one(registry, path)
    assert path.stat().st_nlink == 2
    assert registry.checkout("digits", tmp_path / "out")[0].read_bytes() == path.read_bytes()
    assert_tidy(store)


@pytest.mark.parametrize("size", SIZES)
def test_a_refused_file_is_left_as_it_was(registry: Registry, store: Path, tmp_path: Path, size: int) -> None:
    """Mode, links and content, when its digest is not the one that was said."""
    path = tmp_path / "weights"
    path.write_bytes(noise("refused", size))
    path.chmod(0o640)
    with pytest.raises(FileToStoreError, match="digest"):
        one(registry, path, digest="blake3:" + "0" * 64)
    assert (path.stat().st_nlink, stat.S_IMODE(path.stat().st_mode)) == (1, 0o640)
    assert_tidy(store)


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_store_that_fails_leaves_nothing_of_a_large_file(
    registry: Registry, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """Linked, copied and cut files alike: exit code 5, no temporary file, and it works again after."""
    for number, link in enumerate((True, True, False)):
        content = tensor_file({"a": noise("a", 2 * MB), "b": noise(number, 2 * MB)})
        path = tmp_path / f"weights-{number}"
        path.write_bytes(content)
        file = FileToStore(path, "w", ArtifactKind.WEIGHTS, link=link)

        def fail(*_: Any, **__: Any) -> Any:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            if not (call == "write" and number == 0):  # a link needs no writing
                with pytest.raises(StoreUnavailableError, match=os.strerror(code)):
                    registry.register(Registration(f"m{number}", (file,)))
        assert_tidy(store)
        registry.register(Registration(f"m{number}", (file,)))
        assert registry.checkout(f"m{number}", tmp_path / f"out-{number}")[0].read_bytes() == content


def test_what_gets_a_name_is_durable(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linked, copied and cut: each file is synchronised before its rename, and the folder after the last."""
    synchronised: set[int] = set()
    renamed: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synchronise(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode) and renamed:
            renamed.clear()
        synchronised.add(os.fstat(handle).st_ino)
        fsync(handle)

    def rename(source: Path, target: Path) -> None:
        if target.parent.name == "sha256":
            assert source.stat().st_ino in synchronised
            renamed.append(target.name)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synchronise)
    monkeypatch.setattr(os, "replace", rename)
    for number, link in enumerate((True, True, False)):
        path = write_tensors(tmp_path / f"{number}", {"a": noise("a", 2 * MB), "b": noise(number, 2 * MB)})
        small = tmp_path / f"small-{number}"
        small.write_bytes(noise(number, 100))
        files = (FileToStore(path, "w", ArtifactKind.WEIGHTS, link=link), FileToStore(small, "s", link=link))
        registry.register(Registration("digits", files))
        assert renamed == []


def test_twenty_checkpoints_with_a_frozen_backbone(registry: Registry, store: Path, tmp_path: Path) -> None:
    """They take at most 1.2 × (one full copy and the deltas) of disk, and come back byte for byte."""
    backbone = {f"backbone.{n}": noise(n, MB) for n in range(8)} | {f"norm.{n}": noise(f"n{n}", KB) for n in range(20)}
    contents, deltas = [], 0
    for number in range(20):
        new = {"head.weight": noise(f"w{number}", 200 * KB), "head.bias": noise(f"b{number}", 40)}
        contents.append(tensor_file(backbone | new))
        deltas += sum(len(tensor) for tensor in new.values()) if number else 0
        path = tmp_path / f"checkpoint-{number}"
        path.write_bytes(contents[-1])
        one(registry, path)
        path.unlink()
    used = sum(path.lstat().st_size for path in (store / "sha256").iterdir())
    assert used <= 1.2 * (len(contents[0]) + deltas)
    usage = json.dumps(registry.du().to_json())
    assert str(used) in usage
    for number, content in enumerate(contents):
        assert registry.checkout(f"digits/{number + 1}", tmp_path / f"out-{number}")[0].read_bytes() == content
    assert registry.open_artifact("digits/20").read_bytes() == contents[-1]


def test_readers_of_safetensors_take_what_comes_back(registry: Registry, tmp_path: Path) -> None:
    """A composed file is one for the library too."""
    from safetensors import safe_open

    for number in range(2):
        tensors = {"shared": noise("shared", 2 * MB), "own": noise(number, 70 * KB)}
        one(registry, write_tensors(tmp_path / f"weights-{number}", tensors))
    with safe_open(registry.open_artifact("digits/2"), "np") as file:
        assert bytes(file.get_tensor("own")) == noise(1, 70 * KB)
        assert bytes(file.get_tensor("shared")) == noise("shared", 2 * MB)
