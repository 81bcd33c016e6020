"""A store of another package: a class with six methods, found by its URL, which keeps the rules of every store."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, ClassVar

import pytest

from registry.store_conformance import AnyFilesConformance
from regtrain_registry import FileInfo, FileToStore, Registration, Registry, Store
from regtrain_registry.errors import RegistryUrlError, StoreUnavailableError
from regtrain_registry.store.uris import SCHEMES, open_store


class BoxStore(Store):
    """Files in the memory of this process, by the URL of the store."""

    boxes: ClassVar[dict[str, dict[str, tuple[bytes, float]]]] = {}

    def __init__(self, url: str) -> None:
        if url.endswith("/broken"):
            raise OSError("the lid is stuck")
        self.url = url
        self.files = self.boxes.setdefault(url, {})

    @property
    def location(self) -> str:
        return self.url

    def upload(self, source: Path, name: str) -> None:
        self.files[name] = source.read_bytes(), time.time()

    def open_file(self, name: str) -> BinaryIO:
        if name not in self.files:
            raise FileNotFoundError(name)
        return io.BytesIO(self.files[name][0])

    def stat(self, name: str) -> FileInfo | None:
        if name not in self.files:
            return None
        content, written = self.files[name]
        return FileInfo(name.rpartition("/")[2], len(content), written)

    def list_files(self, folder: str) -> Iterable[FileInfo]:
        found = [self.stat(name) for name in self.files if name.rpartition("/")[0] == folder]
        return [file for file in found if file is not None]

    def move(self, source: str, target: str) -> None:
        if source not in self.files:
            raise FileNotFoundError(source)
        self.files[target] = self.files.pop(source)

    def delete(self, name: str) -> None:
        if self.files.pop(name, None) is None:
            raise FileNotFoundError(name)


class TestBox(AnyFilesConformance):
    """A store that regtrain does not know."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return BoxStore(f"box://{tmp_path.name}")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that declares the class, and others, under schemes of its own."""
    package = tmp_path / "site"
    (package / "box-1.0.dist-info").mkdir(parents=True)
    (package / "box-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: box\nVersion: 1.0\n")
    lines = ("box = tests_box:BoxStore", "gone = tests_box:Gone", "number = tests_box:int_of")
    (package / "box-1.0.dist-info" / "entry_points.txt").write_text("[regtrain.stores]\n" + "\n".join(lines) + "\n")
    module = type(sys)("tests_box")
    module.__dict__.update(BoxStore=BoxStore, int_of=len)
    monkeypatch.setitem(sys.modules, "tests_box", module)
    monkeypatch.syspath_prepend(str(package))


@pytest.mark.usefixtures("installed")
def test_a_registry_keeps_its_files_there(uri: str, tmp_path: Path) -> None:
    """By the URL or the object; registered, checked, checked out and cleaned."""
    url = f"box://{tmp_path.name}-registry"
    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    registry = Registry(uri, url)
    version = registry.register(Registration("m", (FileToStore(path, "model.bin"),)))
    assert len(BoxStore.boxes[url]) == 2  # the file, and the note of the registry
    for one in (registry, Registry(uri, BoxStore(url))):
        assert one.store_place == url
        assert one.fsck(read_data=True).ok
        assert one.checkout(version.ref, tmp_path / f"out-{id(one)}")[0].read_bytes() == b"weights"
    assert registry.gc(dry_run=True).total_bytes == 7
    assert registry.du().stored_bytes == 7


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("box://fine", None),
        ("box://x/broken", "the lid is stuck"),
        ("gone://x", "Gone"),
        ("number://x", "makes no store"),
    ],
)
def test_a_class_that_opens_no_store_is_named(uri: str, url: str, said: str | None) -> None:
    """When the registry is opened, with what it said; its scheme is one of the choices."""
    if said is None:
        Registry(uri, url)
        return
    with pytest.raises(RegistryUrlError, match=said):
        Registry(uri, url)
    with pytest.raises(RegistryUrlError) as caught:
        open_store("unknown://x")
    assert "box://" in caught.value.hint


def test_what_a_place_raises_is_an_unavailable_store(tmp_path: Path) -> None:
    """Whatever its class is."""

    class Failing(BoxStore):
        def stat(self, name: str) -> FileInfo | None:
            raise zipfile.BadZipFile("no box")

    store = Failing("box://failing")
    for work in (lambda: store.absent({"sha256:" + "0" * 64}), lambda: store.trash(["sha256:" + "0" * 64], 1, 0.0)):
        with pytest.raises(StoreUnavailableError, match="no box"):
            work()


NONE = (
    *("memory://", "memory://x", "reference://x", "simplecache::s3://bucket/x", "dir::file:///tmp/x", "http://x/y"),
    *("https://x/y", "github://o:r@main/", "s3://", "s3:///x", "s3:/bucket", "s3://user:secret@/x", "s3://bucket/../x"),
    *("gs://", "az://", "sftp:///x", "file://../..", "file://", "local://x", "zip://x", "data://x", "unknown://x"),
    *("", " ", "a\0b", "memory:///", "filecache::s3://b", "arrow_hdfs://x", "jupyter://h/x", "ftp://h/x"),
)


@pytest.mark.parametrize("place", NONE)
def test_a_store_that_is_none_is_refused(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """With the choices and without the password, when the registry is opened; nothing is registered or made."""
    with pytest.raises(RegistryUrlError) as caught:
        open_store(place)
    assert caught.value.exit_code == 2
    assert "file://" in caught.value.hint or "Write " in caught.value.hint
    assert "secret" not in str(caught.value)
    if place.strip() and "\0" not in place:
        monkeypatch.setenv("REGTRAIN_STORE_URI", place)
        with pytest.raises(RegistryUrlError):
            Registry(uri)
        assert not (tmp_path / "home").exists()


def test_every_scheme_is_known_to_fsspec() -> None:
    """Each with the form of its URL."""
    from fsspec.registry import known_implementations

    assert SCHEMES.keys() <= known_implementations.keys()
    assert all(form.startswith(f"{scheme}://") for scheme, form in SCHEMES.items())
