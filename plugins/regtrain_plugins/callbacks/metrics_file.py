"""Metrics as JSON lines: one object a line in logs/metrics.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Callback

if TYPE_CHECKING:
    from regtrain.types import CallbackContext, Fit, Register


class MetricsFile(Callback):
    """Appends to `metrics.jsonl`, a line at a time, so that a reader sees whole lines.

    It is the run's own record, so that a disk that is full is an error of the run.
    """

    required = True

    def __init__(self, context: CallbackContext) -> None:
        path = context.log_dir / "metrics.jsonl"
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        try:
            line = self._encode(record)
        except ValueError:  # JSON has no NaN and no infinity; text keeps what was seen
            line = self._encode({key: _finite(value) for key, value in record.items()})
        self._file.write(line + "\n")

    def on_fit_end(self, fit: Fit) -> None:
        self._file.close()


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@hookimpl
def regtrain_register_callbacks(register: Register) -> None:
    register("metrics_file", MetricsFile)
