"""The state of the user's code: the commit of the repository around it, and what differs from that."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

from regtrain.redact import redact_text
from regtrain.run_dir import NO_CODE

__all__ = ["MAX_DIFF", "code_state"]

MAX_DIFF = 10_000_000  # bytes
_SECONDS = 30  # for git, which may wait for a disk that is far away

# As `git apply` reads it on a fresh clone, whatever the user's own settings are; see git-diff(1).
_DIFF = (
    "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--binary", "--full-index", "--no-renames", "--unified=3",
    "--inter-hunk-context=0", "--no-relative", "--no-indent-heuristic", "--diff-algorithm=default", "--submodule=short",
    "-O/dev/null",
)  # fmt: skip
_SETTINGS = (
    "-c", "diff.suppressBlankEmpty=false", "-c", "core.quotePath=true", "-c", "status.renames=false",
    "-c", "diff.orderFile=/dev/null", "-c", "core.fsmonitor=false",
)  # fmt: skip
# Files that git does not track count in submodules as little as anywhere else.
_STATUS = ("--porcelain=v2", "-z", "--untracked-files=no", "--ignore-submodules=untracked")
# Variables of git that say how it is reached, not what it is asked about.
_KEPT = frozenset({"GIT_SSH", "GIT_SSH_COMMAND", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH"})
_NO_REPOSITORY = "not a git repository"


class _Answer(NamedTuple):
    """What git printed, at most one byte more than was asked for; None and the reason where it could not be asked."""

    content: bytes | None
    problem: str = ""


def code_state(folder: Path, limit: int = MAX_DIFF) -> dict[str, Any]:
    """`git_commit`, `dirty` and `diff` (bytes) of the git repository around `folder`; all None outside of one.

    The diff is against the commit, byte for byte, with `***` for passwords inside URLs. One of more than `limit` bytes
    is None, and `diff_left_out` says so. Files that git does not track are not in it; the files of targets are kept on
    their own. `problem` says why git could not be asked, which is not the same as that there is no repository.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit.content is None:
        unborn = _git(folder, "rev-parse", "--git-dir").content is not None
        problem = "the repository has no commit yet" if unborn else commit.problem
        none = _NO_REPOSITORY in problem and not _has_repository(folder)
        return {**NO_CODE, **({"problem": problem} if problem and not none else {})}
    state: dict[str, Any] = {"git_commit": commit.content.decode().strip(), "dirty": False, "diff": None}
    status = _git(folder, "status", *_STATUS, limit=limit)
    if status.content is None:
        return state | {"dirty": None, "problem": status.problem}
    if not status.content:
        return state
    state["dirty"] = True
    diff = _diff(folder, status.content, limit)
    if diff.content is None:
        return state | {"diff_left_out": "git did not give it", "problem": diff.problem}
    if not diff.content:  # line ends that git's settings translate
        return state | {"diff_left_out": "git shows no change of content"}
    if len(diff.content) > limit:
        return state | {"diff_left_out": f"more than {limit:,} bytes"}
    return state | {"diff": redact_text(diff.content.decode("latin-1")).encode("latin-1")}  # every byte is a character


def _has_repository(folder: Path) -> bool:
    return any((place / ".git").exists() for place in (folder.absolute(), *folder.absolute().parents))


def _diff(folder: Path, status: bytes, limit: int) -> _Answer:
    """The diff of the repository, and behind it those of submodules whose own files have changed."""
    top = _git(folder, "rev-parse", "--show-toplevel", limit=10_000)
    if top.content is None:
        return top
    return _diff_below(Path(os.fsdecode(top.content.rstrip(b"\n"))), "HEAD", "", status, limit)


def _diff_below(top: Path, commit: str, prefix: str, status: bytes, limit: int) -> _Answer:
    """The diff of the repository at `top` and of its submodules, with paths from the outermost one.

    Submodules are compared with the commits that a fresh clone has of them, so that the whole applies there.
    """
    prefixes = (f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}")
    whole = _git(top, *_DIFF, *prefixes, "--ignore-submodules=dirty", commit, limit=limit)
    if whole.content is None:
        return whole
    content = whole.content
    for path, recorded in _changed_submodules(status):
        inner = top / path
        known = _git(inner, "cat-file", "-e", f"{recorded}^{{commit}}").content is not None
        inside = _git(inner, "status", *_STATUS, limit=limit)
        if inside.content is None:
            return inside
        found = _diff_below(inner, recorded if known else "HEAD", f"{prefix}{path}/", inside.content, limit)
        if found.content is None:
            return found
        content += found.content
    return _Answer(content)


def _changed_submodules(status: bytes) -> list[tuple[str, str]]:
    """Path and recorded commit of each submodule with changed files, itself or in one of its own: the entry
    `1 XY S.M. …` in the second version of the porcelain format."""
    fields = (line.split(b" ", 8) for line in status.split(b"\0") if line.startswith(b"1 "))
    return [
        (os.fsdecode(f[8]), f[6].decode()) for f in fields if len(f) == 9 and f[2].startswith(b"S") and b"M" in f[2]
    ]


def _git(folder: Path, *arguments: str, limit: int = 1000) -> _Answer:
    """Ask git without its answer depending on the user's settings of output, or on the variables of a hook."""
    try:
        process = subprocess.Popen(
            # it may be ended before it is done, so that it takes no locks
            ["git", "--no-optional-locks", "--no-pager", "-C", str(folder), *_SETTINGS, *arguments],
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        return _Answer(None, "git is not installed" if _has_repository(folder) else "")
    except OSError as problem:
        return _Answer(None, f"git cannot be started: {problem.strerror}")
    timer = Timer(_SECONDS, process.kill)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            content = process.stdout.read(limit + 1)
            enough = len(content) > limit
            if enough:
                process.kill()
            complaint = process.stderr.read(2000).decode("utf-8", "replace").strip()
    finally:
        timer.cancel()
    if enough or process.returncode == 0:
        return _Answer(content)
    return _Answer(None, complaint.splitlines()[0] if complaint else f"git ended with {process.returncode}")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name in _KEPT}
    # Settings of who calls stay (safe.directory is one); those that change the output are given as options.
    kept |= {name: value for name, value in environ.items() if name.startswith("GIT_CONFIG")}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
