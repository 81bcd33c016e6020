"""Digests of the files of the data: each file is found, read once, and never confused with another."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from regtrain.job import files
from regtrain.job.files import digests_of
from support.cli.projects import Project

DATA = """\
from pathlib import Path

import torch
from torch.utils.data import Dataset, TensorDataset


class Rows(Dataset):
    def __init__(self, folder):
        self.rows = [float(line) for file in sorted(Path(folder).glob("*.txt")) for line in file.read_text().split()]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return torch.full((3,), self.rows[index]), torch.tensor(0)


def build(data_dir):
    return Rows(data_dir), Rows(data_dir)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "regtrain/data-digests.db"


@pytest.fixture
def with_folder(project: Project) -> Project:
    """A project whose data are files in a folder, one deeper, with files that are none of them."""
    project.write("data.py", DATA)
    for name, text in {"a.txt": "1 2 3 4", "b.txt": "5 6 7 8", "sub/c.txt": "9", ".hidden": "x"}.items():
        project.write(f"rows/{name}", text)
    project.config(data={"target": "./data.py:build", "data_dir": "rows"})
    return project


def sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def data_of(project: Project, result: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = project("runs", "show", result["run_id"], "--json").json()["data"]
    return found


def test_a_folder_is_known_file_by_file(with_folder: Project) -> None:
    """Each file under its name, hidden ones left out; one of their digests finds the version."""
    result = with_folder.train()
    found = data_of(with_folder, result)
    assert {name: digest for name, digest in found.items() if "/" in name} == {
        "data_dir/a.txt": sha256("1 2 3 4"),
        "data_dir/b.txt": sha256("5 6 7 8"),
        "data_dir/sub/c.txt": sha256("9"),
    }
    assert found["train"].startswith("code+length:")
    seen = with_folder("models", "lineage", "--data", sha256("5 6 7 8"), "--json").json()["versions"]
    assert [(one["ref"], one["data"]) for one in seen] == [("tiny@1.0.0", {"data_dir/b.txt": sha256("5 6 7 8")})]


def test_a_changed_file_is_other_data(with_folder: Project) -> None:
    """One byte in one file is a minor version that names the file; the same folder elsewhere is the same data."""
    with_folder.train()
    (with_folder.folder / "rows").rename(with_folder.folder / "moved")
    assert with_folder.train("data.data_dir=moved")["version"] == "1.0.1"
    with_folder.write("moved/b.txt", "5 6 7 9")
    changed = with_folder.train("data.data_dir=moved")
    reasons = with_folder("models", "show", "tiny", "--json").json()["bump"]["reasons"]
    assert changed["version"] == "1.1.0"
    assert [reason for reason in reasons if reason.startswith("data: data_dir/b.txt: sha256:")] == reasons


def test_digests_may_be_left_out(with_folder: Project) -> None:
    """data.fingerprint: false reads no file. What is not known of one side is no change, but then the path counts."""
    with_folder.train()
    result = with_folder.train("data.fingerprint=false")
    assert set(data_of(with_folder, result)) == {"train", "val"}
    assert result["version"] == "1.0.1"
    (with_folder.folder / "rows").rename(with_folder.folder / "moved")
    assert with_folder.train("data.fingerprint=false", "data.data_dir=moved")["version"] == "1.1.0"


def test_files_that_are_named_alone(with_folder: Project) -> None:
    """train_path and val_path are called by their keys; what else lies in data_dir does not count."""
    text = DATA.replace("def build(data_dir)", "def build(train_path, val_path, data_dir)")
    with_folder.write("data.py", text)
    sections = {"target": "./data.py:build", "data_dir": "rows", "train_path": "a.txt", "val_path": "sub"}
    with_folder.config(data=sections)
    found = data_of(with_folder, with_folder.train())
    assert {name: digest for name, digest in found.items() if name not in ("train", "val")} == {
        "train_path": sha256("1 2 3 4"),
        "val_path/c.txt": sha256("9"),
    }


def test_run_folders_are_no_data(with_folder: Project) -> None:
    """Where the data lie in the project's own folder, runs do not become data."""
    with_folder.write("a.txt", "1 2 3 4")
    with_folder.config(data={"target": "./data.py:build", "data_dir": "."})
    first, second = with_folder.train(), with_folder.train()
    assert (first["version"], second["version"]) == ("1.0.0", "1.0.1")
    assert not [name for name in data_of(with_folder, second) if name.startswith(("data_dir/runs", "data_dir/."))]


def test_too_many_files_have_one_digest(with_folder: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of content still: one byte changes it."""
    monkeypatch.setattr(files, "MAX_FILES", 2)
    first = data_of(with_folder, with_folder.train())
    with_folder.write("rows/b.txt", "5 6 7 9")
    second = data_of(with_folder, with_folder.train())
    assert set(first) == {"train", "val", "data_dir"}
    assert first["data_dir"].startswith("files:")
    assert first["data_dir"] != second["data_dir"]


def test_what_a_factory_says_stands(with_folder: Project) -> None:
    """A dataset that gives digests of its own is believed, also for names besides train and val."""
    given = "Splits(Rows(data_dir), fingerprint={'train': 'own:1', 'part/7': 'own:7'})"
    text = DATA.replace("Rows(data_dir), Rows(data_dir)", given)
    with_folder.write("data.py", "from regtrain.types import Splits\n" + text)
    assert data_of(with_folder, with_folder.train()) == {"train": "own:1", "part/7": "own:7"}


def test_a_file_is_read_once(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old file is not opened a second time; a new one is, since it may change within a tick of its times."""
    monkeypatch.setattr(files, "SETTLED", 0)
    file = tmp_path / "a"
    file.write_text("one")
    first = digests_of({"a": file}, own_cache)
    opened: list[Path] = []
    read = files._read
    monkeypatch.setattr(files, "_read", lambda path: opened.append(path) or read(path))
    assert digests_of({"a": file}, own_cache) == first == {"a": sha256("one")}
    assert opened == []
    monkeypatch.setattr(files, "SETTLED", 10**18)
    file.write_text("two")
    for _ in range(2):
        assert digests_of({"a": file}, own_cache) == {"a": sha256("two")}
    assert len(opened) == 2


def test_a_change_with_the_old_time_is_seen(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same size, same time of change set by hand: the other time gives it away. Replaced by another file: the inode does."""
    monkeypatch.setattr(files, "SETTLED", 0)
    file = tmp_path / "a"
    file.write_text("one")
    times = file.stat().st_mtime_ns, file.stat().st_mtime_ns
    assert digests_of({"a": file}, own_cache) == {"a": sha256("one")}
    file.write_text("two")
    os.utime(file, ns=times)
    assert digests_of({"a": file}, own_cache) == {"a": sha256("two")}
    (tmp_path / "b").write_text("six")
    os.utime(tmp_path / "b", ns=times)
    (tmp_path / "b").replace(file)
    assert digests_of({"a": file}, own_cache) == {"a": sha256("six")}


def test_what_would_be_read_for_ever_has_no_digest(tmp_path: Path, own_cache: Path) -> None:
    """A file of a terabyte that is one hole, a device, and a FIFO are left out."""
    for name, size in (("hole", 1 << 40), ("part", (1 << 34) + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "a").write_text("one")
    named = {name: tmp_path / name for name in ("hole", "part", "fifo", "zero", "a")}
    assert digests_of(named, own_cache) == {"a": sha256("one")}
    assert files._read(tmp_path / "fifo") is None


@pytest.mark.parametrize("damage", ["garbage", "folder", "read-only"])
def test_a_cache_that_cannot_be_used_is_no_error(damage: str, tmp_path: Path, own_cache: Path) -> None:
    """All is read again."""
    (tmp_path / "a").write_text("one")
    own_cache.parent.mkdir(parents=True)
    if damage == "garbage":
        own_cache.write_bytes(b"no database" * 100)
    elif damage == "folder":
        own_cache.mkdir()
    else:
        own_cache.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert digests_of({"a": tmp_path / "a"}, own_cache) == {"a": sha256("one")}
    own_cache.parent.chmod(0o700)


def test_what_is_no_file_is_left_out(tmp_path: Path, own_cache: Path) -> None:
    """A pipe is never waited for; links are followed, and a ring of links ends."""
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("one")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to(folder / "a")
    (folder / "sub/ring").symlink_to(folder)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "far").mkdir()
    (tmp_path / "far/b").write_text("two")
    (folder / "other").symlink_to(tmp_path / "far")
    found = dict(files._files(folder, "data_dir", tmp_path / "runs"))
    assert set(found) == {"data_dir/a", "data_dir/link", "data_dir/other/b"}
    assert digests_of(found, own_cache)["data_dir/link"] == sha256("one")
