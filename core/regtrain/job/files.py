"""Digests of the files that data were read from. A file is read once, as long as it stays the same."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from regtrain.bounded import is_hollow
from regtrain.job.making import Job

__all__ = ["cache_file", "digests_of", "file_fingerprints"]

MAX_FILES = 10_000  # that a version names one by one
LARGE = 10 * 1000**3  # bytes that take long enough to say so
SETTLED = 2 * 1000**3  # nanoseconds after which a change shows in a file's times, whatever the file system
THREADS = 4
HIDDEN = (".", "__pycache__")


class Identity(NamedTuple):
    """What changes when a file does. Times in nanoseconds since the epoch."""

    device: int
    inode: int
    size: int
    changed: int
    touched: int


class _Read(NamedTuple):
    """The digest of a file that was read just now; `lasting`: it holds for as long as the identity does."""

    digest: str
    identity: Identity
    lasting: bool


def file_fingerprints(job: Job) -> dict[str, str]:
    """Name → digest of what `data.train_path` and `data.val_path` name, or else `data.data_dir`.

    A file is called by its key, a file of a folder `data_dir/a/b.png`. More than `MAX_FILES` in one place have one
    digest together. Hidden files and the run folders are left out.
    """
    keys = job.config.data
    if not keys.fingerprint:
        return {}
    folder = Path(keys.data_dir or ".")
    paths = {"train_path": keys.train_path, "val_path": keys.val_path}
    named = {key: folder / path for key, path in paths.items() if path}
    if not named and keys.data_dir:
        named = {"data_dir": folder}
    runs = Path(job.config.experiment.output_dir).resolve()
    found: dict[str, str] = {}
    for key, place in named.items():
        files = dict(_files(place, key, runs))
        digests = digests_of(files, cache_file(), job.log.warning)
        left_out = sorted(files.keys() - digests.keys())
        if left_out:
            words = "%d files of data.%s cannot be read, or are mostly holes, and have no digest, e.g. %s"
            job.log.warning(words, len(left_out), key, files[left_out[0]])
        found |= digests if len(digests) <= MAX_FILES else {key: _together(digests)}
    return found


def digests_of(
    files: Mapping[str, Path], cache: Path, warn: Callable[[str], None] = lambda line: None
) -> dict[str, str]:
    """Name → `sha256:…`, in the order of the names; files that cannot be read are left out.

    cache: a file for what was read before. One that is damaged, or cannot be written, is no error: all is read again.
    """
    identities = {name: found for name, file in files.items() if (found := _identity_at(file)) is not None}
    known: dict[Identity, str] = {}
    with suppress(OSError, sqlite3.Error):
        known = _recall(cache, identities.values())
    unread = {name: files[name] for name, identity in identities.items() if identity not in known}
    size = sum(identities[name].size for name in unread)
    if size > LARGE:
        warn(f"reading {size / 1e9:.0f} GB once for their digests; data.fingerprint: false leaves that out")
    with ThreadPoolExecutor(THREADS) as pool:
        read = dict(zip(unread, pool.map(_read, unread.values()), strict=True))
    with suppress(OSError, sqlite3.Error):
        _remember(cache, [one for one in read.values() if one is not None and one.lasting])
    digests = {name: known[identity] for name, identity in identities.items() if identity in known}
    digests |= {name: one.digest for name, one in read.items() if one is not None}
    return {name: digests[name] for name in sorted(digests)}


def _files(place: Path, name: str, runs: Path) -> Iterator[tuple[str, Path]]:
    """The regular files of a place; links are followed, and no folder is looked into twice."""
    seen: set[tuple[int, int]] = set()
    waiting = [(name, place)]
    while waiting:
        name, path = waiting.pop()
        with suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                yield name, path
            elif stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) not in seen and path.resolve() != runs:
                seen.add((status.st_dev, status.st_ino))
                inside = sorted((entry for entry in path.iterdir() if not entry.name.startswith(HIDDEN)), reverse=True)
                waiting += [(f"{name}/{entry.name}", entry) for entry in inside]


def _read(file: Path) -> _Read | None:
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as content:
            if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
                return None
            before, began = _identity(os.fstat(content.fileno())), time.time_ns()
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            after = _identity(os.fstat(content.fileno()))
    except OSError:
        return None
    lasting = before == after and max(before.changed, before.touched) < began - SETTLED
    return _Read(f"sha256:{digest}", before, lasting)


def _together(digests: Mapping[str, str]) -> str:
    hasher = hashlib.sha256()
    for name in sorted(digests):
        hasher.update(f"{name} {digests[name]}\n".encode("utf-8", "surrogateescape"))
    return f"files:{hasher.hexdigest()}"


def cache_file() -> Path:
    """Where digests are kept between runs."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "regtrain" / "data-digests.db"


@contextmanager
def _opened(cache: Path) -> Iterator[sqlite3.Connection]:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(cache, timeout=5)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        columns = "device, inode, size, changed, touched, digest TEXT NOT NULL, PRIMARY KEY (device, inode)"
        connection.execute(f"CREATE TABLE IF NOT EXISTS digests ({columns}) WITHOUT ROWID")
        yield connection


def _recall(cache: Path, identities: Iterable[Identity]) -> dict[Identity, str]:
    query = "SELECT digest FROM digests WHERE (device, inode, size, changed, touched) = (?, ?, ?, ?, ?)"
    with _opened(cache) as connection:
        rows = {identity: connection.execute(query, identity).fetchone() for identity in identities}
    return {identity: str(row[0]) for identity, row in rows.items() if row is not None}


def _remember(cache: Path, read: Iterable[_Read]) -> None:
    with _opened(cache) as connection:
        rows = [(*one.identity, one.digest) for one in read]
        connection.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?)", rows)


def _identity_at(file: Path) -> Identity | None:
    with suppress(OSError):
        status = file.stat()
        return _identity(status) if stat.S_ISREG(status.st_mode) and not is_hollow(file) else None
    return None


def _identity(status: os.stat_result) -> Identity:
    device, inode = (_signed(number) for number in (status.st_dev, status.st_ino))
    return Identity(device, inode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _signed(number: int) -> int:
    """As a signed number of 64 bits: SQLite has no others."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
