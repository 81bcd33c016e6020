"""The state of the user's code: the commit of the repository around it, and what differs from that."""

from __future__ import annotations

import subprocess
from pathlib import Path
from threading import Timer
from typing import Any

from regtrain.redact import redact_text
from regtrain.run_dir import NO_CODE

__all__ = ["MAX_DIFF", "code_state"]

MAX_DIFF = 10_000_000  # bytes
_SECONDS = 30  # for git, which may wait for a disk that is far away
_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")  # as `git apply` reads it, whatever the user's settings are


def code_state(folder: Path, limit: int = MAX_DIFF) -> dict[str, Any]:
    """`git_commit`, `dirty` and `diff` of the git repository around `folder`; all None outside of one.

    The diff is against the commit, with `***` for passwords inside URLs. One of more than `limit` bytes is None, and
    `diff_left_out` says so. Files that git does not track are not in it; the files of targets are kept on their own.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return dict(NO_CODE)
    state: dict[str, Any] = {"git_commit": commit.decode().strip(), "dirty": False, "diff": None}
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", limit=0)
    if not changed:
        return state | {"dirty": None if changed is None else False}
    diff = _git(folder, "diff", *_PLAIN, "HEAD", limit=limit)
    state["dirty"] = True
    if diff is None:
        return state | {"diff_left_out": "git did not give it"}
    if len(diff) > limit:
        return state | {"diff_left_out": f"more than {limit:,} bytes"}
    return state | {"diff": redact_text(diff.decode("utf-8", "replace"))}


def _git(folder: Path, *arguments: str, limit: int = 1000) -> bytes | None:
    """What git prints, at most one byte more than `limit`; None when it fails or takes too long."""
    try:
        process = subprocess.Popen(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],  # it may be ended before it is done
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    timer = Timer(_SECONDS, process.kill)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            said = process.stdout.read(limit + 1)
            enough = len(said) > limit
            if enough:
                process.kill()
    finally:
        timer.cancel()
    return said if enough or process.returncode == 0 else None
