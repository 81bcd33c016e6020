"""Being asked to stop: a handler sets a flag, the loop acts at a step boundary."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from types import FrameType
from typing import Any

__all__ = ["EarlyStopping", "Interrupted", "StopFlag"]


class Interrupted(Exception):
    """The run was asked to stop and has saved its state."""


SAME_REQUEST = 2.0  # seconds: a scheduler signals every process of a job, and the one that waits for it hands that on


class StopFlag:
    """Set by SIGINT, SIGTERM or SIGUSR1 once there is something to save: before that, a signal ends the process.

    A second SIGINT raises KeyboardInterrupt at once; a second one of the others ends the process.
    """

    def __init__(self) -> None:
        self.requested = False
        self.reason = ""
        self._before: dict[signal.Signals, Any] = {}
        self._asked_at = 0.0

    def request(self, reason: str) -> None:
        """Ask for a stop from inside of the run."""
        self.requested, self.reason = True, self.reason or reason

    def __enter__(self) -> StopFlag:
        return self

    def arm(self) -> None:
        """From here on the loop acts on a signal at its next step."""
        if not self._before and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.requested and time.monotonic() > self._asked_at + SAME_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if not self.requested:
            self._asked_at = time.monotonic()
        self.requested = True
        self.reason = signal.Signals(number).name


class EarlyStopping:
    """Counts validations without improvement of one metric."""

    def __init__(self, monitor: str, mode: str, patience: int, min_delta: float) -> None:
        self.monitor = monitor
        self.sign = 1.0 if mode == "min" else -1.0
        self.patience = patience
        self.min_delta = min_delta
        self.best: float | None = None
        self.waited = 0

    def update(self, metrics: dict[str, float]) -> bool:
        """Take note of a validation; True when the run should stop. A missing or NaN metric is no improvement."""
        value = metrics.get(self.monitor)
        if value is not None and not math.isnan(value):
            better = self.best is None or self.sign * (self.best - value) > self.min_delta
            if better:
                self.best, self.waited = value, 0
                return False
        self.waited += 1
        return self.used_up

    @property
    def used_up(self) -> bool:
        """As many validations as there is patience for were no improvement."""
        return self.waited >= self.patience

    @property
    def measure(self) -> dict[str, str]:
        """What the best value is a value of: it cannot be compared with one of another metric or direction."""
        return {"metric": self.monitor, "mode": "min" if self.sign > 0 else "max"}

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, **self.measure}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state.get("best"), state.get("waited", 0)
