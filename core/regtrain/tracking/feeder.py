"""Sending to one tracker what it has not taken yet, in a thread of its own: one that hangs holds up no other."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from regtrain.errors import RegtrainError, brief
from regtrain.host import Host, Offer
from regtrain.redact import redact_text
from regtrain.run_dir import RunDir
from regtrain.run_dir.records import Cursor, Page, records_from
from regtrain.tracking import cursors
from regtrain.tracking.artifacts import files_of_run, logged
from regtrain.tracking.ending import RunEnd
from regtrain.tracking.environment import JobEnvironment, write_environment
from regtrain.types import Plan, RecordBatch, TrackedRun, Tracker
from regtrain.types.config import Tracker as TrackerKeys

__all__ = ["Feeder"]

INTERVAL = 1.0  # seconds between two looks at the files
PAGE = 1 << 19  # bytes of records in a batch
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before a tracker that failed is tried again
LOWEST = 19  # the priority of a tracker that is open; until then the job may be waiting for its variables


class Feeder(threading.Thread):
    """Serves one tracker until the run has ended and the tracker has everything, or failed once more after the end.

    After a failure the tracker is opened anew under its remote id, since it alone knows what of a batch has arrived.
    """

    def __init__(self, run_dir: RunDir, plan: Plan, name: str, keys: TrackerKeys, host: Host, end: RunEnd) -> None:
        super().__init__(name=f"tracker {name}", daemon=True)
        self.tracker_name = name
        self.alive_at = time.monotonic()
        self._run_dir, self._plan, self._keys, self._end = run_dir, plan, keys, end
        self._logs = run_dir.logs(plan.config)
        self._place = cursors.file_of(run_dir, plan, name)
        self._done = cursors.read(self._place)
        self._offer: Offer | None = None
        self._refused: BaseException | None = None
        try:
            self._offer = host.offer("trackers", name)
        except RegtrainError as problem:
            self._refused = problem

    def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            last = self._end.reached.is_set()
            try:
                self._serve()
                return
            except BaseException as problem:  # also what would end the process: it is a plugin's
                print(redact_text(traceback.format_exc()), file=sys.stderr)
                self._note(problem)
                last = last or problem is self._refused
            if last:
                return
            self._end.reached.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _serve(self) -> None:
        if self._offer is None:
            assert self._refused is not None
            raise self._refused
        tracker: Tracker = self._offer.factory(**self._keys.args)
        try:
            self._open(tracker)
            ended = False
            while not ended:
                ended = self._end.reached.is_set()  # read first: every record from before the end is sent
                self._send(tracker)
                if not ended:
                    self._end.reached.wait(INTERVAL)
            self._send_last(tracker)
        except BaseException:
            with contextlib.suppress(BaseException):
                tracker.close(self._end.status)
            raise
        tracker.close(self._end.status)
        self._save(status=self._end.status, problem=None)

    def _open(self, tracker: Tracker) -> None:
        plan = self._plan
        run = TrackedRun(plan.run_id, plan.run_name, self._run_dir.path, plan.public.model_dump(mode="json"))
        self._save(remote_id=tracker.open(run, self._done.remote_id))
        if self._offer and self._offer.traits.get("environment"):
            values: Mapping[str, str] = getattr(tracker, "environment", dict)()
            self._write_environment(JobEnvironment({str(key): str(value) for key, value in values.items()}))
        if sys.platform == "linux":  # where a thread has a priority of its own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)

    def _send(self, tracker: Tracker) -> None:
        """Every whole line that is there; the cursor follows each batch."""
        while (page := self._page("metrics", self._done.metrics)) is not None:
            tracker.send(RecordBatch("metrics", self._first(page, self._done.metrics), page.records))
            self._save(metrics=page.cursor)
        while (page := self._page("events", self._done.events)) is not None:
            for artifact in logged(self._run_dir, page.records):
                tracker.artifact(artifact)
                self.alive_at = time.monotonic()
            tracker.send(RecordBatch("events", self._first(page, self._done.events), page.records))
            self._save(events=page.cursor)

    def _page(self, stream: str, cursor: Cursor) -> Page | None:
        page = records_from(self._logs / f"{stream}.jsonl", cursor, PAGE)
        return None if page.cursor == cursor else page

    @staticmethod
    def _first(page: Page, before: Cursor) -> int:
        return 0 if page.restarted else before.line

    def _send_last(self, tracker: Tracker) -> None:
        """The registered version, and the files that the config asks for."""
        version = self._end.version
        if version is not None and self._done.version != version.digest:
            tracker.version(version)
            self._save(version=version.digest)
        if self._keys.artifacts and self._end.status is not None and not self._done.artifacts:
            for artifact in files_of_run(self._run_dir, self._plan):
                tracker.artifact(artifact)
                self.alive_at = time.monotonic()
            self._save(artifacts=True)

    def _save(self, **changes: Any) -> None:
        done = replace(self._done, **changes)
        if done != self._done or not self._place.exists():
            cursors.write(self._place, done)
            self._done = done
        self.alive_at = time.monotonic()

    def _note(self, problem: BaseException) -> None:
        """Keep the reason for the warning at the end of the run, and let the job wait no longer for its variables."""
        text = problem.message if isinstance(problem, RegtrainError) else f"{type(problem).__name__}: {brief(problem)}"
        if isinstance(problem, RegtrainError) and problem.hint:
            text += f" ({problem.hint})"
        with contextlib.suppress(OSError):
            self._save(problem=redact_text(text))
        if self._offer and self._offer.traits.get("environment"):
            with contextlib.suppress(OSError):
                self._write_environment(JobEnvironment({}, redact_text(text)), only_first=True)

    def _write_environment(self, found: JobEnvironment, only_first: bool = False) -> None:
        place = cursors.file_of(self._run_dir, self._plan, self.tracker_name, "environment.json")
        if not (only_first and place.exists()):
            write_environment(place, found)
