"""The records of a run: metrics and events as JSON lines, with one writer and one reader.

`logs/metrics.jsonl` has a record for each moment of measuring: `step`, `epoch`, `time` (seconds since the epoch) and
metrics by name. `logs/events.jsonl` has one for each thing that happened: `time`, `event` and its facts. The process
that trains appends to both and does nothing else for those that read them; the forwarder beside it appends the load of
the machine, under names that begin with `system/`.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regtrain.bounded import parse_json

__all__ = ["HEAD", "START", "Cursor", "Page", "RecordWriter", "read_records", "records_from"]

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
MAX_LINE = 16 << 20  # bytes
PAGE = 4 << 20  # bytes that are read at a time
HEAD = ("step", "epoch", "time")


class RecordWriter:
    """Appends records to a file, each with one write of a whole line: a reader sees it whole or not at all.

    JSON has no NaN and no infinity: a number that is not finite is written as text, and read back as a number from a
    record of metrics; the facts of an event keep their text.
    """

    def __init__(self, path: Path | None) -> None:
        """`path` None: nothing is written, as on every rank but the first."""
        self._file = -1
        self._encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=str).encode
        if path is None:
            return
        _end_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, record: Mapping[str, Any]) -> None:
        """Raises OSError when the disk is full; what was written of the line is skipped by readers."""
        if self._file < 0:
            return
        try:
            line = self._encode(record)
        except ValueError:
            line = self._encode({key: _as_text(value) for key, value in record.items()})
        content = line.encode() + b"\n"
        written = os.write(self._file, content)
        if written < len(content):  # the next write says why
            os.write(self._file, content[written:])

    def event(self, event: str, **facts: Any) -> None:
        """A record of something that happened, with the time of now."""
        self.write({"time": time.time(), "event": event, **facts})

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@dataclass(frozen=True)
class Cursor:
    """A place in a file of records, from which a reader goes on: `offset` in bytes, `line` counted from 0."""

    offset: int = 0
    line: int = 0


START = Cursor()


@dataclass(frozen=True)
class Page:
    """Some records in the order in which they were written, and where the next ones begin.

    `damaged`: lines that are no JSON object, or too long; they are skipped. `restarted`: the file is shorter than the
    cursor says, so that another one lies there, and it was read from its beginning.
    """

    records: tuple[dict[str, Any], ...]
    cursor: Cursor
    damaged: int = 0
    restarted: bool = False


def records_from(path: Path, cursor: Cursor = START, limit: int = PAGE) -> Page:
    """Whole lines from the cursor on, up to about `limit` bytes. A last line without its end is left for the next call;
    a file that is not there has no records yet."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return Page((), cursor)
    with os.fdopen(descriptor, "rb") as file:
        restarted = os.fstat(descriptor).st_size < cursor.offset
        if restarted:
            cursor = Cursor()
        file.seek(cursor.offset)
        content = file.read(limit)
        if b"\n" not in content and len(content) == limit:
            content += file.readline(MAX_LINE)
    whole, newline, _ = content.rpartition(b"\n")
    if not newline:
        return Page((), cursor, restarted=restarted)
    lines = whole.split(b"\n")
    parsed = [_parse(line) for line in lines]
    found = tuple(record for record in parsed if record is not None)
    after = Cursor(cursor.offset + len(whole) + 1, cursor.line + len(lines))
    return Page(found, after, len(parsed) - len(found), restarted)


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """All records of a file as it is now, a page at a time."""
    page = records_from(path)
    while page.cursor.offset:
        yield from page.records
        before = page.cursor
        page = records_from(path, before)
        if page.cursor == before:
            return


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = parse_json(line) if len(line) <= MAX_LINE else None
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    if "event" not in record:
        for key, value in record.items():
            if type(value) is str:
                record[key] = NOT_FINITE.get(value, value)
    return record


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _end_torn_line(path: Path) -> None:
    """A process that was killed while it wrote has left half a line: the next record begins a line of its own."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")  # appended: another process may have written on meanwhile
    finally:
        os.close(file)
