"""Records of a run: what is written is read back, whole lines only, from any place on."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regtrain.run_dir.records import Cursor, RecordWriter, read_records, records_from

VALUES = st.one_of(st.floats(), st.integers(-(2**53), 2**53), st.booleans(), st.text(max_size=20))
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["step", "epoch", "train/loss", "val/äöü", "note"]), VALUES, max_size=4), max_size=8
)


def same(first: object, second: object) -> bool:
    return repr(first) == repr(second)  # NaN is not equal to itself


def written(path: Path, *records: dict[str, object]) -> Path:
    writer = RecordWriter(path)
    for record in records:
        writer.write(record)
    writer.close()
    return path


@settings(max_examples=60)
@given(RECORDS)
def test_records_come_back(tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]]) -> None:
    """Numbers that JSON lacks come back as numbers where they are metrics, text stays text."""
    path = written(tmp_path_factory.mktemp("logs") / "metrics.jsonl", *records)
    expected = [
        {k: str(v) if isinstance(v, float) and not math.isfinite(v) and "event" in r else v for k, v in r.items()}
        for r in records
    ]
    found = list(read_records(path))
    words = {"nan", "inf", "-inf"}
    if not any(isinstance(v, str) and v in words for r in records for v in r.values()):
        assert same(found, expected)
    for line in path.read_text("utf-8").splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes, limit: int) -> None:
    """Whatever lies in the file, reading ends, and what is read from two places on is what is read at once."""
    path = tmp_path_factory.mktemp("logs") / "metrics.jsonl"
    path.write_bytes(content)
    whole = records_from(path)
    cursor, found = Cursor(), []
    while True:
        page = records_from(path, cursor, limit)
        if page.cursor == cursor:
            break
        found += page.records
        cursor = page.cursor
    assert same(found, list(whole.records))
    assert cursor == whole.cursor


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    """A reader goes on from its cursor; a line that is not yet whole is left for the next time."""
    path = tmp_path / "metrics.jsonl"
    assert records_from(path).records == ()
    written(path, {"step": 1})
    first = records_from(path)
    assert (first.records, first.cursor.line) == (({"step": 1},), 1)
    with path.open("a") as file:
        file.write('{"step": 2')
    assert records_from(path, first.cursor).cursor == first.cursor
    with path.open("a") as file:
        file.write("}\n")
    assert records_from(path, first.cursor).records == ({"step": 2},)


def test_a_torn_line_ends_before_the_next_record(tmp_path: Path) -> None:
    """What a killed process left of a line is skipped and counted; the records after it are whole."""
    path = written(tmp_path / "metrics.jsonl", {"step": 1})
    with path.open("a") as file:
        file.write('{"step": 2, "train/lo')
    written(path, {"step": 3})
    page = records_from(path)
    assert [record["step"] for record in page.records] == [1, 3]
    assert (page.damaged, page.cursor.line) == (1, 3)


def test_a_second_writer_overwrites_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that trains is in the middle of a line while the forwarder opens the file: the line stays whole."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step":1,"train/')
    read = os.pread

    def see_half(file: int, count: int, at: int) -> bytes:
        found = read(file, count, at)
        with path.open("ab") as training:
            training.write(b'loss":0.5}\n')
        return found

    monkeypatch.setattr(os, "pread", see_half)
    written(path, {"step": 1, "system/cpu": 3.0})
    assert [dict(record) for record in read_records(path)] == [
        {"step": 1, "train/loss": 0.5},
        {"step": 1, "system/cpu": 3.0},
    ]


def test_another_file_in_its_place_is_read_from_its_beginning(tmp_path: Path) -> None:
    """A cursor behind the end belongs to a file that is there no more."""
    path = written(tmp_path / "metrics.jsonl", {"step": 1}, {"step": 2})
    cursor = records_from(path).cursor
    path.unlink()
    written(path, {"step": 9})
    page = records_from(path, cursor)
    assert (page.records, page.restarted) == (({"step": 9},), True)


def test_a_line_longer_than_a_page_is_read(tmp_path: Path) -> None:
    """A record that does not fit a page is no reason to stop."""
    path = written(tmp_path / "metrics.jsonl", {"note": "x" * 1000}, {"step": 2})
    page = records_from(path, limit=100)
    assert page.records == ({"note": "x" * 1000},)
    assert records_from(path, page.cursor, limit=100).records == ({"step": 2},)
