"""Progress on standard error: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Callback

if TYPE_CHECKING:
    from regtrain.types import CallbackContext, Fit, Register


class Lines(Callback):
    """One line per record that holds validation metrics, so that a log file stays readable."""

    def __init__(self, context: CallbackContext) -> None:
        self._total = context.total_steps
        self._train: dict[str, Any] = {}

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        self._train.update((key, value) for key, value in record.items() if key.startswith("train/"))
        if any(key.startswith("val/") for key in record):
            shown = {**self._train, **record}
            print(f"epoch {record['epoch']} step {record['step']}/{self._total} {_metrics(shown)}", file=sys.stderr)

    def on_fit_end(self, fit: Fit) -> None:
        sys.stderr.flush()


class Bar(Callback):
    """A bar over the optimizer steps, with the newest metrics behind it."""

    def __init__(self, context: CallbackContext) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(
            context.run_name, total=context.total_steps, completed=context.first_step, metrics=""
        )
        self._shown: dict[str, Any] = {}
        self._progress.start()

    def on_record(self, fit: Fit, record: Mapping[str, Any]) -> None:
        self._shown.update(record)
        self._progress.update(self._task, completed=record["step"], metrics=_metrics(self._shown))

    def on_advance(self, fit: Fit) -> None:
        self._progress.update(self._task, completed=fit.step)

    def on_fit_end(self, fit: Fit) -> None:
        self._progress.stop()


def _metrics(record: Mapping[str, Any]) -> str:
    wanted = ("train/loss", "val/loss", "val/accuracy", "val/rmse")
    return " ".join(f"{key} {record[key]:.4g}" for key in wanted if isinstance(record.get(key), float))


def _progress(context: CallbackContext) -> Lines | Bar:
    return Bar(context) if context.interactive else Lines(context)


@hookimpl
def regtrain_register_callbacks(register: Register) -> None:
    register("progress", _progress)
