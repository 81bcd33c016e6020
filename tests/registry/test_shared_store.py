"""A store that also holds files of a copy of the registry: neither knows what the other one needs."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from regtrain_registry import FileToStore, Registration, Registry
from regtrain_registry.errors import StoreSharedError
from regtrain_registry.ops import store_owners
from support.registry.blank import make_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """One with a version, in a folder of its own, its store elsewhere."""
    return filled(make_registry(tmp_path / "one" / "registry.db", tmp_path / "blobs"), tmp_path, b"weights")


def filled(registry: Registry, folder: Path, content: bytes) -> Registry:
    (folder / "file").write_bytes(content)
    registry.register(Registration("digits", (FileToStore(folder / "file", "model.bin"),)))
    return registry


def collect(registry: Registry) -> int:
    return registry.gc(timedelta(), confirmed=True).count("trash")


@pytest.fixture
def copy(registry: Registry, tmp_path: Path) -> Registry:
    """A copy of it that was used: its second version is not that of the first."""
    registry.backup(tmp_path / "copy.db")
    return filled(Registry(f"sqlite:///{tmp_path}/copy.db", tmp_path / "blobs"), tmp_path, b"theirs")


def test_a_copy_that_was_used_keeps_both_from_cleaning(registry: Registry, copy: Registry) -> None:
    """Both are told of the other place; that one is gone ends it."""
    for one, other in ((registry, copy), (copy, registry)):
        with pytest.raises(StoreSharedError, match=f"a copy of this registry, .*{Path(other.uri).name}") as caught:
            collect(one)
        assert caught.value.exit_code == 3
    Path(copy.uri).unlink()
    assert collect(registry) == 1


def test_a_copy_that_was_only_read_cleans_nothing(registry: Registry, tmp_path: Path) -> None:
    """It may be an old one, which does not know what came since."""
    registry.backup(tmp_path / "copy.db")
    filled(registry, tmp_path, b"newer")
    copy = Registry(f"sqlite:///{tmp_path}/copy.db", tmp_path / "blobs")
    with pytest.raises(StoreSharedError, match=r"one/registry\.db"):
        collect(copy)
    assert registry.fsck(read_data=True).ok


def test_who_cleans_a_store_is_known_to_it(registry: Registry, tmp_path: Path) -> None:
    """Also one whose files were put there before stores knew of registries."""
    shutil.rmtree(tmp_path / "blobs" / "registries")
    later = Registry(f"sqlite:///{registry.uri}", tmp_path / "blobs")
    later.gc(dry_run=True)
    assert not (tmp_path / "blobs" / "registries").exists()
    assert collect(later) == 0
    with pytest.raises(StoreSharedError, match="another registry"):
        collect(Registry(f"sqlite:///{tmp_path}/other.db", tmp_path / "blobs"))


def test_what_was_moved_is_no_copy(registry: Registry, tmp_path: Path) -> None:
    """A folder with another name, or one that is also reached by a link."""
    shutil.move(tmp_path / "one", tmp_path / "two")
    (tmp_path / "link").symlink_to(tmp_path / "two")
    for place in ("two", "link"):
        assert collect(Registry(f"sqlite:///{tmp_path}/{place}/registry.db", tmp_path / "blobs")) == 0


def test_a_copy_with_files_of_its_own_is_in_nobodys_way(registry: Registry, tmp_path: Path) -> None:
    """A whole folder that was copied: its database and its store."""
    shutil.copytree(tmp_path / "one", tmp_path / "copies" / "one")
    shutil.copytree(tmp_path / "blobs", tmp_path / "copies" / "blobs")
    copy = Registry(f"sqlite:///{tmp_path}/copies/one/registry.db", tmp_path / "copies" / "blobs")
    filled(copy, tmp_path, b"theirs")
    assert (collect(registry), collect(copy)) == (0, 0)


def test_a_file_of_another_host_may_be_a_copy(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be seen from here; the same file under another name of the host is none."""
    moved = tmp_path / "elsewhere"
    monkeypatch.setattr(store_owners.socket, "gethostname", lambda: "other-host")
    assert collect(Registry(f"sqlite:///{registry.uri}", tmp_path / "blobs")) == 0
    shutil.move(tmp_path / "one", moved)
    with pytest.raises(StoreSharedError, match=r"one/registry\.db"):
        collect(Registry(f"sqlite:///{moved}/registry.db", tmp_path / "blobs"))
