"""What several processes of a run decide together: whether to stop, at steps that all of them work out alike."""

from __future__ import annotations

import time
from typing import Protocol

import torch

from regtrain.trainer.stopping import StopFlag
from regtrain.types import Strategy

__all__ = ["Agreement"]

NEVER = 1 << 62
INTERVAL = 0.25  # seconds between two checks
LONGEST = 1000  # steps


class _Clock(Protocol):
    def __call__(self) -> float: ...


class Agreement:
    """A stop request reaches one process or some. At `next_check` all look together, and all stop, or none does.

    A check at every step would cost an exchange at every step: the distance to the next one is worked out from the
    slowest process's time for the last distance, so that it is the same everywhere.
    """

    def __init__(self, strategy: Strategy, stop: StopFlag, clock: _Clock = time.monotonic) -> None:
        self._strategy = strategy
        self._stop = stop
        self._clock = clock
        self._distance = 1
        self._checked_at = clock()
        self.alone = strategy.place.world_size == 1
        self.next_check = NEVER

    def start(self, step: int) -> None:
        """Begin to count at a step."""
        self._distance, self._checked_at = 1, self._clock()
        self.next_check = NEVER if self.alone else step + 1

    def check(self, step: int) -> bool:
        """Whether to stop at this step; also sets the next step at which to ask."""
        now = self._clock()
        mine = torch.tensor([float(self._stop.requested), now - self._checked_at], dtype=torch.float64)
        found = torch.stack(self._strategy.gather(mine)).amax(dim=0).tolist()
        self._checked_at = now
        growth = min(2.0, INTERVAL / max(found[1], 1e-6))
        self._distance = max(1, min(LONGEST, round(self._distance * growth)))
        self.next_check = step + self._distance
        return self._agreed(bool(found[0]))

    def now(self) -> bool:
        """Whether any process was asked to stop, outside of the steps."""
        if self.alone:
            return self._stop.requested
        return self._agreed(self._strategy.any(self._stop.requested))

    def _agreed(self, requested: bool) -> bool:
        if requested and not self._stop.requested:
            self._stop.request("another process was asked to stop")
        return requested
