"""What a person sees: a progress bar in a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from regtrain.types import Register, TrackerContext


class Lines:
    """One line per record that holds validation metrics, so that a log file stays readable."""

    def __init__(self, context: TrackerContext) -> None:
        self._total = context.total_steps
        self._train: dict[str, Any] = {}

    def log(self, record: Mapping[str, Any]) -> None:
        self._train.update((key, value) for key, value in record.items() if key.startswith("train/"))
        if any(key.startswith("val/") for key in record):
            shown = {**self._train, **record}
            print(f"epoch {record['epoch']} step {record['step']}/{self._total} {_metrics(shown)}", file=sys.stderr)

    def advance(self, step: int) -> None:
        pass

    def close(self) -> None:
        sys.stderr.flush()


class Bar:
    """A bar over the optimizer steps, with the newest metrics behind it."""

    def __init__(self, context: TrackerContext) -> None:
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

    def log(self, record: Mapping[str, Any]) -> None:
        self._shown.update(record)
        self._progress.update(self._task, completed=record["step"], metrics=_metrics(self._shown))

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)

    def close(self) -> None:
        self._progress.stop()


def _metrics(record: Mapping[str, Any]) -> str:
    wanted = ("train/loss", "val/loss", "val/accuracy", "val/rmse")
    return " ".join(f"{key} {record[key]:.4g}" for key in wanted if isinstance(record.get(key), float))


def _progress(context: TrackerContext) -> Lines | Bar:
    return Bar(context) if context.interactive else Lines(context)


@hookimpl
def regtrain_register_trackers(register: Register) -> None:
    register("progress", _progress)
