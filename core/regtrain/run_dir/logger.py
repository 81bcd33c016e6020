"""What user code logs in the middle of a run: numbers as records of it, figures and tables as files of its folder."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, Literal, Protocol

from regtrain.errors import ConfigValueError, OutsideOfRunError
from regtrain.run_dir.records import HEAD, RecordWriter

__all__ = ["RunLogger", "activated", "active_logger"]

MEDIA = "media"
SYSTEM = "system/"
LONGEST = 250  # characters of a name, which is what MLflow takes


class Position(Protocol):
    """Where a training is."""

    @property
    def step(self) -> int: ...

    @property
    def epoch(self) -> int: ...


class RunLogger:
    """Appends to the records of one run. On other ranks than the first, and while it is paused, it writes nothing."""

    def __init__(self, folder: Path | None, logs: Path, events: RecordWriter) -> None:
        """`folder`: the run folder; None on ranks that do not write."""
        self._folder, self._events = folder, events
        self._file = -1
        self._names: dict[str, str] = {}
        self._position: Position | None = None
        if folder is not None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(logs / "metrics.jsonl", flags, 0o644)
        self._writes = folder is not None

    def pause(self) -> None:
        """What the run does to try out a step is not logged."""
        self._writes = False

    def follow(self, position: Position) -> None:
        """Log again, with the step and the epoch of the training."""
        self._position = position
        self._writes = self._folder is not None

    def close(self) -> None:
        self._writes = False
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """One record, with one write: microseconds, however many trackers there are."""
        if not self._writes:
            return
        position, names = self._position, self._names
        now, epoch = (position.step, position.epoch + 1) if position is not None else (0, 1)
        if step is not None:
            now = _checked_step(step)
        line = f'{{"step":{now},"epoch":{epoch},"time":{time.time()!r}'
        for name, given in metrics.items():
            key = names.get(name) or self._named(name)
            value = given if type(given) is float else _number(name, given)
            line += f"{key}{value!r}" if value - value == 0.0 else f'{key}"{value}"'  # JSON has no NaN, no infinity
        os.write(self._file, f"{line}}}\n".encode())

    def _named(self, name: object) -> str:
        self._names[check_name(name)] = found = f",{encode_basestring_ascii(str(name))}:"
        return found

    def artifact(
        self,
        kind: Literal["figure", "table", "histogram"],
        name: str,
        suffix: str,
        write: Callable[[Path], None],
        step: int | None,
    ) -> None:
        """A file of the run folder, whole or not at all, and the event that says so."""
        check_name(name)
        if step is not None:
            _checked_step(step)
        if not self._writes or self._folder is None:
            return
        now = step if step is not None else self._position.step if self._position is not None else 0
        folder = self._folder / MEDIA
        folder.mkdir(exist_ok=True)
        place = folder / f"{file_name(name)}-{now:08d}{suffix}"
        making = folder / f".{os.getpid()}-{threading.get_ident()}{suffix}"
        try:
            write(making)
            making.replace(place)
        finally:
            making.unlink(missing_ok=True)
        path = place.relative_to(self._folder).as_posix()
        self._events.event("artifact", kind=kind, name=name, step=now, path=path)


_active: list[RunLogger] = []
_of_thread: dict[int, RunLogger] = {}


def _forget() -> None:
    _active.clear()
    _of_thread.clear()


os.register_at_fork(after_in_child=_forget)  # a process that loads data is no part of the training


@contextmanager
def activated(logger: RunLogger) -> Iterator[RunLogger]:
    """Inside, `regtrain.log` writes to this run; of several runs in one process, in the thread that trains each."""
    me = threading.get_ident()
    before = _of_thread.get(me)
    _active.append(logger)
    _of_thread[me] = logger
    try:
        yield logger
    finally:
        _active.remove(logger)
        if before is None:
            _of_thread.pop(me, None)
        else:
            _of_thread[me] = before
        logger.close()


def active_logger(function: str) -> RunLogger:
    """The logger of the run that calls.

    Raises:
        OutsideOfRunError: there is none, or several runs train in this process and the thread is none of theirs.
    """
    if len(_active) == 1:
        return _active[0]
    found = _of_thread.get(threading.get_ident())
    if found is not None:
        return found
    where = "by a thread that belongs to none of the runs in this process" if _active else "outside of a run"
    raise OutsideOfRunError(
        f"regtrain.{function}() was called {where}",
        "call it in code that a run calls (model, data, loss, callback), and not in a process that loads data",
    )


def check_name(name: object) -> str:
    """The name of a metric or a file.

    Raises:
        ConfigValueError: it is empty, too long, or one that records have for something else.
    """
    if not isinstance(name, str) or not name or len(name) > LONGEST or not name.isprintable():
        raise ConfigValueError(
            f"{name!r} cannot be logged: it is no name", f"give text of 1 to {LONGEST} characters that can be printed"
        )
    if name in HEAD or name.startswith(SYSTEM):
        raise ConfigValueError(
            f"{name!r} cannot be logged: regtrain itself writes it", "give it another name, such as custom/…"
        )
    return name


def _number(name: str, value: Any) -> float | int:
    """A number, also one in a tensor or an array of one element."""
    found = value.item() if hasattr(value, "item") else value
    if isinstance(found, bool):
        return int(found)
    if not isinstance(found, int | float):
        raise ConfigValueError(f"{name!r} cannot be logged: it is a {type(value).__name__}", "give a number")
    return found if isinstance(found, float) or abs(found) < 1 << 63 else float(found)


def _checked_step(step: object) -> int:
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise ConfigValueError(f"step {step!r} is no step", "give a whole number of at least 0, or leave it out")
    return int(step)


def file_name(name: str) -> str:
    """A name that every file system takes, another one for each name."""
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.")[:80]
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")
