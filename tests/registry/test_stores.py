"""One behaviour of stores in a folder, in memory and on S3; and what is particular to each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs

from registry.store_conformance import AnyFilesConformance
from regtrain_registry import ArtifactKind, FileToStore, Registration
from regtrain_registry.errors import StoreUnavailableError
from regtrain_registry.store.blob import Blob, SourceFile
from regtrain_registry.store.remote import RemoteStore
from regtrain_registry.store.store import Store
from regtrain_registry.store.uris import open_store
from regtrain_registry.testing import StoreCase
from regtrain_registry.testing.store_case import name_of, sha256
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file
from support.programs import program
from support.registry.blank import make_registry
from support.registry.object_store import s3


class FolderFiles:
    """The files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if not path.is_dir()}

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        self.remove(name)
        (self.folder / name).write_bytes(content)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


class RemoteFiles:
    """The files below a folder of an fsspec file system."""

    def __init__(self, fs: Any, root: str) -> None:
        self.fs = fs
        self.root = root

    def names(self) -> set[str]:
        self.fs.invalidate_cache()
        return {path.removeprefix(self.root).strip("/") for path in self.fs.find(self.root)}

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(f"{self.root}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        self.fs.pipe_file(f"{self.root}/{name}", content)

    def remove(self, name: str) -> None:
        self.fs.rm_file(f"{self.root}/{name}")


class TestFolder(AnyFilesConformance):
    """A local folder."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(str(tmp_path / "blobs"))

    @pytest.fixture
    def files(self, tmp_path: Path) -> FolderFiles:
        return FolderFiles(tmp_path / "blobs")


class TestMemory(AnyFilesConformance):
    """fsspec's file system in memory."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return RemoteStore(f"memory://{tmp_path.name}/blobs")

    @pytest.fixture
    def files(self, tmp_path: Path) -> Iterator[RemoteFiles]:
        import fsspec

        root = f"/{tmp_path.name}/blobs"
        fs = fsspec.filesystem("memory")
        yield RemoteFiles(fs, root)
        if fs.exists(root):
            fs.rm(root, recursive=True)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    with s3() as environment:
        s3fs.S3FileSystem.clear_instance_cache()
        yield environment


@pytest.fixture
def on_s3(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture(scope="session")
def other_client(s3_server: dict[str, str]) -> s3fs.S3FileSystem:
    """Another one than the store's: to make one takes longer than most tests."""
    return s3fs.S3FileSystem(
        key=s3_server["AWS_ACCESS_KEY_ID"],
        secret=s3_server["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=s3_server["AWS_ENDPOINT_URL"],
        skip_instance_cache=True,
    )


@pytest.mark.slow
class TestS3(AnyFilesConformance):
    """A bucket on a server."""

    @pytest.fixture
    def files(self, tmp_path: Path, on_s3: dict[str, str], other_client: s3fs.S3FileSystem) -> RemoteFiles:
        bucket = tmp_path.name.replace("_", "-").lower()[:60].strip("-")
        other_client.mkdir(f"{bucket}-{os.getpid()}")
        return RemoteFiles(other_client, f"{bucket}-{os.getpid()}/blobs")

    @pytest.fixture
    def store(self, files: RemoteFiles) -> Store:
        return open_store(f"s3://{files.root}")

    @pytest.mark.slow
    @pytest.mark.parametrize("mode", ["before", "after"])
    @pytest.mark.parametrize("size", [100_000, 12 * MB])
    def test_no_kill_leaves_a_short_object(
        self, case: StoreCase, tmp_path: Path, on_s3: dict[str, str], size: int, mode: str
    ) -> None:
        """Killed at any call of an upload, in one piece or in parts: under a digest stands all of it or nothing."""
        file = tmp_path / "file"
        content = noise("upload", size)
        file.write_bytes(content)
        name = name_of(Blob(sha256(content), size))
        url = f"s3://{case.files.root}"  # type: ignore[attr-defined]
        script = program("registry/upload_and_die.py")
        killed = 0
        while True:
            command = [sys.executable, str(script), url, str(file), str(killed + 1), mode]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
            if name in case.files.names():
                assert case.files.read(name) == content
                case.files.remove(name)
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            killed += 1
        assert killed == int(done.stdout) > (3 if size < MB else 6)
        assert case.put(content).blob.size_bytes == size
        assert case.files.read(name) == content

    def test_a_registry_keeps_its_files_there(self, case: StoreCase, tmp_path: Path) -> None:
        """Registered, shared, checked out and checked through the registry."""
        registry = make_registry(tmp_path / "registry.db", f"s3://{case.files.root}")  # type: ignore[attr-defined]
        contents = [tensor_file({"a": noise("a", 2 * MB), "b": noise(number, MB)}) for number in range(2)]
        for number, content in enumerate(contents):
            path = tmp_path / f"weights-{number}"
            path.write_bytes(content)
            registry.register(Registration("m", (FileToStore(path, "w", ArtifactKind.WEIGHTS, link=True),)))
            assert path.stat().st_mode & 0o200
        assert sum(len(case.files.read(name)) for name in case.files.names()) < len(contents[0]) + MB + KB
        for number, content in enumerate(contents):
            assert registry.checkout(f"m/{number + 1}", tmp_path / f"out-{number}")[0].read_bytes() == content
        assert registry.fsck(read_data=True).ok


@pytest.fixture
def no_connections() -> Iterator[None]:
    """Of other tests, or for them: they are kept by what they were asked for, not by the environment."""
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.usefixtures("no_connections")
def test_a_store_that_cannot_be_reached_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 5, with the place and without the password."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with pytest.raises(StoreUnavailableError, match="s3://bucket/blobs") as caught:
        open_store("s3://bucket/blobs").put([SourceFile(file)])
    assert caught.value.exit_code == 5
    assert "s3cret" not in str(caught.value)
