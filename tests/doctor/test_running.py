"""Checks do not get in each other's way, whatever one of them does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from regtrain.doctor import running
from regtrain.doctor.rows import Check, Row
from regtrain.doctor.running import ask_child, run_checks
from regtrain.errors import EnvironmentFault
from support.host.packages import Package

FINE = Row("fine", "ok", "yes")

TRACKERS = """
import os, sys, threading

class Tracker:
    def __init__(self, way):
        self.way = way
    def check(self):
        print("what a package prints")
        os.write(1, b"and its C code")
        if self.way == "raises":
            raise RuntimeError("no API key: `login`")
        if self.way == "exits":
            sys.exit(3)
        if self.way == "dies":
            os._exit(7)
        if self.way == "hangs":
            while True:
                try:
                    threading.Event().wait()
                except BaseException:
                    pass
        threading.Thread(target=threading.Event().wait).start()
        return "https://where reachable"

@hookimpl
def regtrain_register_trackers(register):
    register("odd", Tracker)
    register("silent", lambda: object())
    register("needs", Tracker, requires="not-there-at-all>=2")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    Package("odd-trackers", TRACKERS).install(tmp_path)
    yield tmp_path
    sys.modules.pop("odd_trackers", None)


def test_a_check_that_raises_or_hangs_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the checks: rows of those that answer, one row for each that does not."""
    never = threading.Event()

    def hangs() -> Sequence[Row]:
        never.wait()
        return [FINE]

    def fails() -> Sequence[Row]:
        raise EnvironmentFault("no card", "plug it in")

    def exits() -> Sequence[Row]:
        raise SystemExit("bye")

    monkeypatch.setattr(running, "GRACE", 0.2)
    checks = [Check("hangs", hangs, 0.0), Check("fails", fails), Check("exits", exits), Check("none", list)]
    found = run_checks([*checks, Check("fine", lambda: [FINE, FINE])])
    never.set()
    assert [(row.name, row.status) for row in found] == [
        ("hangs", "failure"),
        ("fails", "failure"),
        ("exits", "failure"),
        ("fine", "ok"),
        ("fine", "ok"),
    ]
    assert "no answer within 0 seconds" in found[0].message
    assert (found[1].message, found[1].remedy) == ("no card", "plug it in")
    assert "SystemExit: bye" in found[2].message


@pytest.mark.slow
def test_a_tracker_is_checked_in_a_process_of_its_own(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What it answers, raises, prints, leaves running or ends: a row each, and nothing of it here."""
    expected = {
        "answers": ("ok", "https://where reachable"),
        "raises": ("failure", "no API key: `login`"),
        "exits": ("failure", "SystemExit: 3"),
        "dies": ("failure", "exit code 7"),
        "hangs": ("failure", "no answer within"),
    }
    for way, (status, word) in expected.items():
        request = {"name": "tracker odd", "tracker": "odd", "args": {"way": way}, "left_out": []}
        (row,) = ask_child("tracker odd", "tracker", request, 5.0 if way == "hangs" else 60.0)
        assert (row.name, row.status, word in row.message) == ("tracker odd", status, True), row
    for name, word in (("silent", "no check of its own"), ("needs", "which is not installed"), ("od", "nearest: odd")):
        (row,) = ask_child(
            f"tracker {name}", "tracker", {"name": name, "tracker": name, "args": {}, "left_out": []}, 60.0
        )
        assert word in row.message, row
    assert capfd.readouterr() == ("", "")
