"""The loop, readable aloud. It calls plain objects; what is due at a step is worked out ahead of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from torch import nn

from regtrain.checkpoint.folder import TrainingState
from regtrain.trainer.agreement import Agreement
from regtrain.trainer.callbacks import Callbacks
from regtrain.trainer.metrics import Running, means, unfolded
from regtrain.trainer.parts import Parts, Progress
from regtrain.trainer.randomness import snapshot
from regtrain.trainer.sanity import sanity_check
from regtrain.trainer.state import load_state, training_state
from regtrain.trainer.steps import Steps
from regtrain.trainer.stopping import Interrupted, StopFlag
from regtrain.trainer.validation import Validation, check_measured
from regtrain.types import StepOutput

__all__ = ["Trainer"]

NEVER = 1 << 62
KEPT = 1000  # steps whose losses stay on the device


class Trainer:
    """Trains until the epochs, the steps or the patience are used up, or it is asked to stop.

    Every process of a run goes through the same events in the same order; rank 0 alone writes.
    """

    def __init__(self, parts: Parts, stop: StopFlag) -> None:
        self.parts = parts
        self.stop = stop
        self.progress = Progress()
        self.loaded: TrainingState | None = None
        self.running = Running(parts.strategy)
        self._agreement = Agreement(parts.strategy, stop)
        self._validation = Validation(parts, lambda: self.stop.requested, self._interrupt)
        self._set_callbacks()
        self._norm: Any = None
        self._next_log = self._next_flush = self._next_pulse = self._next_event = 0
        self._next_validation = self._next_save = 0
        self._pulse, self._pulsed_at = 1, time.monotonic()

    @property
    def model(self) -> nn.Module:
        return self.parts.model

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def epoch(self) -> int:
        return self.progress.epoch

    @property
    def metrics(self) -> Mapping[str, float]:
        return self.progress.metrics

    def request_stop(self, reason: str) -> None:
        self.stop.request(reason)

    def raw_forward(self, batch: Any) -> Any:
        """What the task returns for a batch on the device."""
        return self._steps.forward(batch)

    def forward(self, batch: Any) -> StepOutput:
        """The same with one loss."""
        output: StepOutput = self.raw_forward(batch)
        return unfolded(output) if isinstance(output.loss, dict) else output

    def _set_callbacks(self) -> None:
        parts = self.parts
        self.callbacks = Callbacks(parts.callbacks, parts.strategy.place.is_main, parts.log)
        self._steps = Steps(parts, self.progress, self.running, self.callbacks, self)

    def fit(self) -> None:
        """Raises Interrupted, with everything saved, when it was asked to stop."""
        self._set_callbacks()
        try:
            self._fit()
        except BaseException as problem:
            self.callbacks.call("on_exception", self, problem)
            raise
        finally:
            self.callbacks.call("on_fit_end", self)

    def _fit(self) -> None:
        progress, parts = self.progress, self.parts
        parts.engine.zero_grad()  # a model that was passed in may hold gradients of its own
        if progress.step == 0:
            sanity_check(self, self._validation)
        self.stop.arm()
        self.callbacks.call("on_fit_start", self)
        if self.loaded is not None:
            self.callbacks.call("on_load_checkpoint", self, self.loaded)
            self.loaded = None
        self._next_flush = progress.step + KEPT
        self._agreement.start(progress.step)
        self._look_ahead()
        try:
            self._catch_up()
            while not self._done():
                self._epoch()
                if progress.batch >= len(parts.train):
                    self._end_epoch()
            self._finish()
        except Interrupted:
            parts.checkpoints.wait()
            raise

    def _catch_up(self) -> None:
        """A validation that was due at the step of the checkpoint, and was cut short."""
        due = self.progress.batch and _every(self.progress.step, self.parts.settings.validate_every_steps)
        if due and self._validate():
            self._save(epoch_end=False)

    def _epoch(self) -> None:
        progress, train, steps, stop = self.progress, self.parts.train, self._steps, self.stop
        to_device, batches, world = self.parts.strategy.to_device, len(train), self.parts.strategy.place.world_size
        window, alone = steps.window, world == 1
        last_step = self.parts.settings.max_steps or NEVER
        self.parts.engine.mode(True)
        if self._agreement.now():
            self._interrupt(snapshot())
        if progress.batch == 0:
            self.callbacks.call("on_train_epoch_start", self)
        if progress.batch < batches:
            for batch in train.epoch(progress.epoch, progress.batch):
                steps.learn(to_device(batch))
                progress.batch = min(progress.batch + world, batches)
                if progress.batch % window and progress.batch != batches:
                    continue
                report = steps.step(measure=progress.step + 1 >= self._next_log)
                if report.grad_norm is not None:
                    self._norm = report.grad_norm
                progress.step += 1
                if progress.step >= self._next_event:
                    self._at_event()
                if alone and stop.requested:
                    self._interrupt(snapshot())
                if progress.step >= last_step or progress.stopped_early:
                    break

    def _at_event(self) -> None:
        """Something is due at this step: metrics, validation, a checkpoint, an agreement, or a sign of life."""
        step = self.progress.step
        if step >= self._next_log:
            self._record(self._train_metrics())
        elif step >= self._next_pulse:
            self.callbacks.call("on_advance", self)
        validated = step >= self._next_validation and self._validate()
        if validated or step >= self._next_save:
            self._save(epoch_end=False)
        if step >= self._next_flush:
            self._flush()
        if step >= self._agreement.next_check and self._agreement.check(step):
            self._interrupt(snapshot())
        self._look_ahead()

    def _look_ahead(self) -> None:
        """The next step at which something is due, so that all others cost one comparison."""
        settings, step = self.parts.settings, self.progress.step
        if step >= self._next_log:
            self._next_log = _next(step, settings.log_every)
        if step >= self._next_validation:
            self._next_validation = _next(step, settings.validate_every_steps)
        if step >= self._next_save:
            self._next_save = _next(step, settings.save_every_steps)
        self._next_pulse = NEVER
        if settings.interactive and self.callbacks.has("on_advance"):
            now = time.monotonic()
            elapsed, self._pulsed_at = now - self._pulsed_at, now
            self._pulse = max(1, min(1000, round(self._pulse * min(2.0, 0.1 / max(elapsed, 1e-6)))))
            self._next_pulse = step + self._pulse
        self._next_event = min(
            self._next_log,
            self._next_pulse,
            self._next_flush,
            self._agreement.next_check,
            self._next_validation,
            self._next_save,
        )

    def _end_epoch(self) -> None:
        """Validation, schedules and checkpoint; then the next epoch begins at batch 0."""
        parts, progress, settings = self.parts, self.progress, self.parts.settings
        if _every(progress.epoch + 1, settings.validate_every_epochs):
            self._validate()
        record = self._train_metrics()
        if record:
            self._record(record)
        if parts.val is None:
            self._check_monitors()
        parts.engine.end_epoch(self._current())
        progress.epoch += 1
        progress.batch = 0
        self._save(epoch_end=True)
        self.callbacks.call("on_train_epoch_end", self)

    def _current(self) -> dict[str, float]:
        """Metrics of the weights as they are now: a validation of earlier ones says nothing about these."""
        validated = self.progress.validated_at == self.progress.step
        return {k: v for k, v in self.progress.metrics.items() if validated or not k.startswith("val/")}

    def _finish(self) -> None:
        """A run that ended within an epoch (by steps or patience) still gets its validation and checkpoint; so does
        one that had nothing left to do."""
        checkpoints = self.parts.checkpoints
        checkpoints.wait()
        if self.progress.batch or self.parts.strategy.broadcast(not checkpoints.infos()):
            self._validate()
            record = self._train_metrics()
            if record:
                self._record(record)
            self._save(epoch_end=not self.progress.batch)
        checkpoints.finish()

    def _done(self) -> bool:
        settings, progress = self.parts.settings, self.progress
        out_of_steps = settings.max_steps is not None and progress.step >= settings.max_steps
        return progress.epoch >= settings.epochs or out_of_steps or progress.stopped_early

    def _validate(self) -> bool:
        """Measure on the validation data, once per step at most; False when there are none."""
        parts, progress = self.parts, self.progress
        if parts.val is None or progress.validated_at == progress.step:
            return False
        self.callbacks.call("on_validation_start", self)
        metrics = self._validation.measure(parts.val)
        wanted = parts.settings.metrics
        if wanted is not None:
            kept = {"val/loss", *parts.settings.monitored, *(f"val/{name}" for name in wanted)}
            metrics = {key: value for key, value in metrics.items() if key in kept}
        progress.validated_at = progress.step
        progress.metrics.update(metrics)
        self._record({**self._train_metrics(), **metrics})
        self._check_monitors()
        self.callbacks.call("on_validation_end", self, metrics)
        return True

    def _check_monitors(self) -> None:
        """Look at the metrics that decide something, after each validation; without one, at the end of an epoch.

        Raises:
            ConfigValueError: one is not measured; those that are measured are offered.
        """
        measured, early_stopping = self.progress.metrics, self.parts.early_stopping
        check_measured(self.parts.settings.monitored, measured)
        if early_stopping and early_stopping.update(measured):
            self.progress.stopped_early = True

    def _flush(self) -> None:
        """Bring the losses of the last steps to the CPU in one go."""
        self.running.flush(self.progress.sums)
        self._next_flush = self.progress.step + KEPT

    def _train_metrics(self) -> dict[str, float]:
        """Means since the last record, learning rates and gradient norm; empty when no step was made since."""
        self._flush()
        progress = self.progress
        if not progress.sums:
            return {}
        metrics = {f"train/{name}": value for name, value in means(progress.sums).items()}
        progress.sums = {}
        for name, rate in self.parts.engine.rates().items():
            metrics[f"train/lr/{name}" if name else "train/lr"] = rate
        if self._norm is not None:
            metrics["train/grad_norm"] = self._norm.item()
            self._norm = None
        progress.metrics.update(metrics)
        return metrics

    def _record(self, metrics: dict[str, float]) -> None:
        progress = self.progress
        record = {"step": progress.step, "epoch": progress.epoch + 1, "time": time.time(), **metrics}
        self.callbacks.call("on_record", self, record)

    def _interrupt(self, rng: dict[str, Any]) -> None:
        """Save and stop. `rng`: the state of the random generators that the run is resumed with."""
        self._save(epoch_end=False, rng=rng)
        raise Interrupted(self.stop.reason)

    def _save(self, *, epoch_end: bool, rng: dict[str, Any] | None = None) -> None:
        self._flush()
        current = self._current()
        state = self.state(rng)
        if self.callbacks.has("on_save_checkpoint"):
            state["callbacks"] = {}
            self.callbacks.call("on_save_checkpoint", self, state)
        losses = (current.get("train/loss", 0.0), current.get("val/loss", 0.0), self.running.last)
        self.parts.checkpoints.save(
            state,
            step=self.progress.step,
            epoch=self.progress.epoch,
            epoch_end=epoch_end,
            metrics={k: v for k, v in current.items() if math.isfinite(v)},
            finite=all(map(math.isfinite, losses)),
        )

    def state(self, rng: dict[str, Any] | None = None) -> TrainingState:
        """Everything that the rest of the run depends on. Collective; whole on rank 0."""
        return training_state(self.parts, self.progress, rng)

    def load(self, state: TrainingState) -> None:
        """Resume from a state."""
        self.progress = load_state(self.parts, state)
        self.loaded = state
        self._set_callbacks()


def _every(count: int, period: int | None) -> bool:
    return bool(period) and count % period == 0  # type: ignore[operator]


def _next(step: int, period: int | None) -> int:
    return step - step % period + period if period else NEVER
