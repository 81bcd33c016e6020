"""Callbacks at the moments that they override, each behind one guard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from regtrain.errors import Guard
from regtrain.types import Callback, Fit

__all__ = ["MOMENTS", "Callbacks"]

MOMENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class Callbacks:
    """Calls the callbacks of this process. One that raises is named once and left out, unless it is required."""

    def __init__(self, callbacks: Sequence[Any], is_main: bool, log: logging.Logger) -> None:
        self._log = log
        self._called: dict[str, list[tuple[Any, Callable[..., None]]]] = {}
        for callback in callbacks:
            if is_main or getattr(callback, "every_rank", False):
                self._take(callback)

    def _take(self, callback: Any) -> None:
        for moment in MOMENTS:
            method = getattr(callback, moment, None)
            if method is not None and getattr(type(callback), moment, None) is not getattr(Callback, moment):
                self._called.setdefault(moment, []).append((callback, method))

    def has(self, *moments: str) -> bool:
        """Whether any of the moments is called: where it is not, the loop has nothing to do."""
        return any(self._called.get(moment) for moment in moments)

    def call(self, moment: str, fit: Fit, *facts: Any) -> None:
        for callback, method in self._called.get(moment, ()):
            with Guard() as guarded:
                method(fit, *facts)
            if guarded.problem is not None:
                if getattr(callback, "required", False):
                    raise guarded.problem
                self._leave_out(callback, moment, guarded.problem)

    def _leave_out(self, callback: Any, moment: str, problem: BaseException) -> None:
        for name, entries in self._called.items():  # new lists: one of the old ones is being gone through
            self._called[name] = [entry for entry in entries if entry[0] is not callback]
        name = getattr(callback, "name", type(callback).__name__)
        self._log.warning("callback %s failed in %s and is left out from here on: %r", name, moment, problem)
