"""The state of the user's code: byte for byte, whatever the user's git is set to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from regtrain.run.code import code_state

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True).stdout


def repository(folder: Path) -> Path:
    """A repository with one committed file; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.py"
    file.write_text("width = 4\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")
    return file


def many_lines(folder: Path) -> None:
    (folder / "model.py").write_text("width = 8\nheight = 9\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "text": many_lines,
    "a binary file": lambda folder: (folder / "blob.bin").write_bytes(bytes(range(256)) * 12),
    "Latin-1": lambda folder: (folder / "old.py").write_bytes(b"# caf\xe9\nx = 2\n"),
    "carriage returns": lambda folder: (folder / "windows.txt").write_bytes(b"one\r\ntwo\r\n"),
    "no last newline": lambda folder: (folder / "model.py").write_bytes(b"width = 4"),
    "a file that is gone": lambda folder: (folder / "gone.txt").unlink(),
    "a file that was renamed": lambda folder: git(folder, "mv", "gone.txt", "moved.txt"),
    "a file that was added": lambda folder: ((folder / "new.py").write_text("x = 1\n"), git(folder, "add", "new.py")),
    "a name with blanks and umlauts": lambda folder: (folder / "ein \u00e4rger.txt").write_text("changed\n"),
    "a file that became executable": lambda folder: (folder / "model.py").chmod(0o755),
}
SETTINGS = (
    "diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.context=0", "diff.relative=true", "diff.external=/bin/false",
    "diff.interHunkContext=5", "diff.renames=copies", "diff.submodule=log", "diff.ignoreSubmodules=all",
    "diff.suppressBlankEmpty=true", "diff.algorithm=patience", "color.ui=always", "core.pager=false",
    "diff.orderFile=/nonexistent", "core.fsmonitor=false; touch monitored; false",
)  # fmt: skip


def filled(folder: Path) -> None:
    repository(folder)
    (folder / "blob.bin").write_bytes(b"\0\1\2" * 1000)
    (folder / "old.py").write_bytes(b"# caf\xe9\nx = 1\n")
    (folder / "windows.txt").write_bytes(b"one\r\n")
    (folder / "gone.txt").write_text("here\n" * 5)
    (folder / "ein \u00e4rger.txt").write_text("here\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "inner.py").write_text("y = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Second")


def applied(folder: Path, clone: Path, diff: bytes) -> list[str]:
    """What differs between the folder and a fresh clone that the diff is applied to."""
    git(folder.parent, "clone", "-q", "--recurse-submodules", str(folder), str(clone))
    done = subprocess.run(["git", "apply", "-"], cwd=clone, input=diff, capture_output=True, check=False)
    if done.returncode:
        return [done.stderr.decode()]
    git(clone, "add", "-A")

    def files(place: Path) -> dict[str, tuple[bytes, bool]]:
        names = [path for path in place.rglob("*") if path.is_file() and ".git" not in path.relative_to(place).parts]
        return {str(p.relative_to(place)): (p.read_bytes(), os.access(p, os.X_OK)) for p in names}

    one, other = files(folder), files(clone)
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]


@pytest.mark.slow
def test_the_diff_applies_on_a_fresh_clone(tmp_path: Path) -> None:
    """Each kind of change, asked for from the top and from a folder below, gives the same bytes again."""
    wrong = []
    for number, (name, change) in enumerate(CHANGES.items()):
        place = tmp_path / str(number)
        filled(place / "repository")
        change(place / "repository")
        for start in ("repository", "repository/sub"):
            state = code_state(place / start)
            differ = applied(place / "repository", place / f"clone-{start.replace(chr(47), chr(45))}", state["diff"])
            if state["dirty"] is not True or differ:
                wrong.append((name, start, differ))
    assert wrong == []


@pytest.mark.parametrize("place", ["repository", "environment"])
def test_no_setting_of_the_user_leaks_in(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each setting that changes what git prints, the diff is the same bytes as without it."""
    folder = tmp_path / "repository"
    filled(folder)
    many_lines(folder)
    (folder / "sub" / "inner.py").write_text("y = 2\n")
    plain = code_state(folder / "sub")["diff"]
    wrong = []
    for setting in SETTINGS:
        key, _, value = setting.partition("=")
        if place == "repository":
            git(folder, "config", key, value)
        else:
            monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
            monkeypatch.setenv("GIT_CONFIG_KEY_0", key)
            monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
        if code_state(folder / "sub")["diff"] != plain or (folder / "monitored").exists():
            wrong.append(setting)
        (folder / "monitored").unlink(missing_ok=True)
        if place == "repository":
            git(folder, "config", "--unset", key)
    assert wrong == []


def test_variables_of_a_hook_do_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that a git hook starts is asked about its own repository, not about that of the hook."""
    repository(tmp_path / "hook")
    folder = tmp_path / "repository"
    filled(folder)
    many_lines(folder)
    plain = code_state(folder)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hook/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "hook/.git/index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_DIFF_OPTS", "-u0")
    assert code_state(folder) == plain


def test_submodules_count(tmp_path: Path) -> None:
    """A change inside a submodule makes the code dirty, and the diff has it."""
    repository(tmp_path / "library")
    folder = tmp_path / "repository"
    filled(folder)
    git(folder, "submodule", "--quiet", "add", str(tmp_path / "library"), "library")
    git(folder, "commit", "-qm", "With a library")
    assert code_state(folder)["dirty"] is False
    (folder / "library" / "model.py").write_text("width = 99\n")
    many_lines(folder)
    state = code_state(folder)
    assert state["dirty"] is True
    assert b"a/library/model.py" in state["diff"]
    assert b"-dirty" not in state["diff"]


def changed(folder: Path) -> None:
    (folder / "model.py").write_text("width = 99\n")


def committed(folder: Path) -> None:
    (folder / "model.py").write_text("width = 77\n")
    git(folder, "commit", "-qam", "Not pushed")


# name → what is done to the submodule, which has one of its own in `inner`
INSIDE: dict[str, Callable[[Path], object]] = {
    "changed": changed,
    "another commit": committed,
    "another commit, and changed": lambda library: (committed(library), changed(library)),
    "changed in its own submodule": lambda library: changed(library / "inner"),
    "changed in both": lambda library: (changed(library / "inner"), changed(library)),
}


@pytest.mark.slow
def test_changes_in_submodules_apply_on_a_fresh_clone(tmp_path: Path) -> None:
    """Whatever has changed below, and whatever the folder of the submodule is called."""
    inner, library = tmp_path / "inner", tmp_path / "library"
    repository(inner)
    repository(library)
    git(library, "submodule", "--quiet", "add", str(inner), "inner")
    git(library, "commit", "-qm", "With one of its own")
    wrong = []
    for number, (name, change) in enumerate(INSIDE.items()):
        folder = tmp_path / str(number) / "repository"
        filled(folder)
        git(folder, "submodule", "--quiet", "add", str(library), "libr\u00e4ry of ours")
        git(folder, "submodule", "--quiet", "update", "--init", "--recursive")
        git(folder, "commit", "-qm", "With a library")
        if code_state(folder)["dirty"] is not False:
            wrong.append((name, "dirty"))
        change(folder / "libr\u00e4ry of ours")
        state = code_state(folder)
        if name == "another commit":  # which the clone of a library that was not pushed does not have
            if b"+Subproject commit" not in state["diff"]:
                wrong.append((name, state))
            continue
        differ = applied(folder, tmp_path / str(number) / "clone", state["diff"])
        if state["dirty"] is not True or differ or b"-dirty" in state["diff"]:
            wrong.append((name, differ or state))
    assert wrong == []


def test_files_that_git_does_not_track_are_no_change(tmp_path: Path) -> None:
    """Also those in a submodule, such as what a build leaves there."""
    repository(tmp_path / "library")
    folder = tmp_path / "repository"
    filled(folder)
    git(folder, "submodule", "--quiet", "add", str(tmp_path / "library"), "library")
    git(folder, "commit", "-qm", "With a library")
    (folder / "library" / "built.o").write_text("x")
    (folder / "built.o").write_text("x")
    assert code_state(folder)["dirty"] is False


def test_a_change_of_line_ends_alone(tmp_path: Path) -> None:
    """What git translates is no change of content, and an empty diff could not be applied."""
    folder = tmp_path / "repository"
    filled(folder)
    git(folder, "config", "core.autocrlf", "true")
    (folder / "model.py").write_bytes(b"width = 4\r\n")
    state = code_state(folder)
    assert (state["dirty"], state["diff"], state["diff_left_out"]) == (True, None, "git shows no change of content")


def test_a_repository_that_is_not_read_is_not_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git says of a damaged one that there is none; where git is not installed, nobody could be asked."""
    folder = tmp_path / "repository"
    filled(folder)
    (folder / ".git" / "HEAD").write_text("garbage\n")
    assert "not a git repository" in code_state(folder / "sub")["problem"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_state(folder / "sub")["problem"] == "git is not installed"
    assert "problem" not in code_state(tmp_path)


def test_what_could_not_be_asked_is_said(tmp_path: Path) -> None:
    """A repository that git does not read is not the same as none."""
    folder = tmp_path / "repository"
    filled(folder)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n" + "x" * 100)
    (folder / ".git" / "config").write_text("[broken\n")
    state = code_state(folder)
    assert state["git_commit"] is None
    assert "config" in state["problem"]


def test_code_outside_of_git(tmp_path: Path) -> None:
    """Outside of a repository nothing is claimed about the code."""
    assert code_state(tmp_path) == {"git_commit": None, "dirty": None, "diff": None}


def test_a_change_is_a_diff_without_passwords(tmp_path: Path) -> None:
    """As git reads it; a password inside a URL is hidden; nothing is left locked."""
    file = repository(tmp_path)
    assert code_state(tmp_path)["dirty"] is False
    file.write_text('width = 4\nurl = "https://ada:CANARY@example.org/x"\n')
    state = code_state(tmp_path)
    assert state["dirty"] is True
    assert b'+url = "https://ada:***@example.org/x"' in state["diff"]
    assert not (tmp_path / ".git/index.lock").exists()


def test_a_very_large_change_is_left_out_and_named(tmp_path: Path) -> None:
    """A diff of exactly the limit is kept; one byte more, and it is said that it is left out."""
    file = repository(tmp_path)
    file.write_text("width = 8\n" * 100)
    whole = code_state(tmp_path)["diff"]
    assert code_state(tmp_path, len(whole))["diff"] == whole
    state = code_state(tmp_path, len(whole) - 1)
    assert (state["dirty"], state["diff"]) == (True, None)
    assert state["diff_left_out"] == f"more than {len(whole) - 1:,} bytes"


def test_code_in_a_repository_without_a_commit(tmp_path: Path) -> None:
    """A repository without a commit has none to name, and that is not the same as no repository."""
    git(tmp_path, "init", "-q")
    state = code_state(tmp_path)
    assert (state["git_commit"], state["problem"]) == (None, "the repository has no commit yet")
