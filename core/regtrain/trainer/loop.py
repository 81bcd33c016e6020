"""The loop, readable aloud. It calls plain objects; what is due at a step is worked out ahead of it."""

from __future__ import annotations

import math
import time
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from regtrain.checkpoint.folder import TrainingState
from regtrain.trainer.parts import Parts, Progress, train_mode
from regtrain.trainer.randomness import restore, snapshot
from regtrain.trainer.stopping import Interrupted, StopFlag
from regtrain.trainer.validation import Validation, check_measured

__all__ = ["Trainer"]

NEVER = 1 << 62


class Trainer:
    """Trains until the epochs, the steps or the patience are used up, or it is asked to stop."""

    def __init__(self, parts: Parts, stop: StopFlag) -> None:
        self.parts = parts
        self.stop = stop
        self.progress = Progress()
        self.scheduler_as_made = deepcopy(parts.scheduler.state_dict()) if parts.scheduler else {}
        self._forward = parts.precision.wrap(parts.task.forward)
        self._validation = Validation(parts, self._forward, self._stop_validation)
        self._parameters = [p for p in parts.model.parameters() if p.requires_grad]
        self._losses: list[torch.Tensor] = []
        self._norm: torch.Tensor | None = None
        self._per_step = parts.scheduler if parts.settings.scheduler_interval == "step" else None
        self._next_log = self._next_event = 0
        self._pulse, self._pulsed_at = 1, time.monotonic()

    @property
    def kinds(self) -> dict[str, str | None]:
        """Classes whose state another class could load without a word."""
        scheduler = self.parts.scheduler
        return {
            "optimizer": type(self.parts.optimizer).__name__,
            "scheduler": type(scheduler).__name__ if scheduler else None,
        }

    def fit(self) -> None:
        """Raises Interrupted, with everything saved, when it was asked to stop."""
        progress = self.progress
        self.parts.optimizer.zero_grad()  # a model that was passed in may hold gradients of its own
        self._look_ahead()
        if progress.step == 0:
            self._validation.rehearse()
        try:
            self._catch_up()
            while not self._done():
                self._epoch()
                if progress.batch >= len(self.parts.train):
                    self._end_epoch()
            self._finish()
        except Interrupted:
            self.parts.checkpoints.wait()
            raise

    def _catch_up(self) -> None:
        """A validation that was due at the step of the checkpoint, and was cut short."""
        due = self.progress.batch and _every(self.progress.step, self.parts.settings.validate_every_steps)
        if due and self._validate():
            self._save(epoch_end=False)

    def _epoch(self) -> None:
        progress, train, accumulate = self.progress, self.parts.train, self.parts.settings.accumulate
        stop, to_device, batches = self.stop, self.parts.strategy.to_device, len(self.parts.train)
        last_step = self.parts.settings.max_steps or NEVER
        train_mode(self.parts)
        if stop.requested:
            self._interrupt(snapshot())
        if progress.batch < batches:
            for batch in train.epoch(progress.epoch, progress.batch):
                self._learn(to_device(batch))
                progress.batch += 1
                if progress.batch % accumulate and progress.batch != batches:
                    continue
                self._update()
                if progress.step >= self._next_event:
                    self._at_event()
                if stop.requested:
                    self._interrupt(snapshot())
                if progress.step >= last_step or progress.stopped_early:
                    break

    def _learn(self, batch: Any) -> None:
        parts = self.parts
        loss, _, _ = self._forward(parts.model, parts.criterion, batch)
        self._losses.append(loss.detach())
        parts.precision.backward(loss if parts.settings.accumulate == 1 else loss * self._share())

    def _share(self) -> float:
        """Weight of a batch in its step: its samples over those of the step, also where the epoch ends early."""
        train, number, window = self.parts.train, self.progress.batch, self.parts.settings.accumulate
        first = number - number % window
        samples = sum(train.size_of(i) for i in range(first, min(first + window, len(train))))
        return train.size_of(number) / samples

    def _update(self) -> None:
        parts, settings = self.parts, self.parts.settings
        logged = self.progress.step + 1 >= self._next_log
        if settings.clip or logged:
            parts.precision.unscale(parts.optimizer)
            self._norm = (
                clip_grad_norm_(self._parameters, settings.clip)
                if settings.clip
                else get_total_norm([p.grad for p in self._parameters if p.grad is not None])
            )
        parts.precision.step(parts.optimizer)
        parts.optimizer.zero_grad()
        if self._per_step:
            self._per_step.step()
        self.progress.step += 1

    def _at_event(self) -> None:
        """Something is due at this step: metrics, validation, a checkpoint, or a sign of life."""
        step, settings = self.progress.step, self.parts.settings
        if step >= self._next_log:
            self._record(self._train_metrics())
        elif settings.watched:
            for tracker in self.parts.trackers:
                tracker.advance(step)
        validated = _every(step, settings.validate_every_steps) and self._validate()
        if validated or _every(step, settings.save_every_steps):
            self._save(epoch_end=False)
        self._flush_losses()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """The next step at which something is due, so that all others cost one comparison."""
        settings, step = self.parts.settings, self.progress.step
        self._next_log = _next(step, settings.log_every)
        due = [
            self._next_log,
            _next(step, settings.validate_every_steps),
            _next(step, settings.save_every_steps),
            step + 1000,  # so that kept losses stay few
        ]
        if settings.watched:
            now = time.monotonic()
            elapsed, self._pulsed_at = now - self._pulsed_at, now
            self._pulse = max(1, min(1000, round(self._pulse * min(2.0, 0.1 / max(elapsed, 1e-6)))))
            due.append(step + self._pulse)
        self._next_event = min(due)

    def _end_epoch(self) -> None:
        """Validation, scheduler and checkpoint; then the next epoch begins at batch 0."""
        parts, progress, settings = self.parts, self.progress, self.parts.settings
        if _every(progress.epoch + 1, settings.validate_every_epochs):
            self._validate()
        record = self._train_metrics()
        if record:
            self._record(record)
        if parts.val is None:
            self._watch()
        if parts.scheduler and not self._per_step:
            self._step_scheduler(parts.scheduler)
        progress.epoch += 1
        progress.batch = 0
        self._save(epoch_end=True)

    def _step_scheduler(self, scheduler: LRScheduler) -> None:
        if isinstance(scheduler, ReduceLROnPlateau):
            metric = self.parts.settings.scheduler_monitor
            current = self.progress.validated_at == self.progress.step or not metric.startswith("val/")
            if current:  # an epoch without validation is neither better nor worse
                scheduler.step(self.progress.metrics[metric])
        else:
            scheduler.step()

    def _finish(self) -> None:
        """A run that ended within an epoch (by steps or patience) still gets its validation and checkpoint; so does
        one that had nothing left to do."""
        self.parts.checkpoints.wait()
        if self.progress.batch or not self.parts.checkpoints.infos():
            self._validate()
            record = self._train_metrics()
            if record:
                self._record(record)
            self._save(epoch_end=not self.progress.batch)
        self.parts.checkpoints.finish()

    def _done(self) -> bool:
        settings, progress = self.parts.settings, self.progress
        out_of_steps = settings.max_steps is not None and progress.step >= settings.max_steps
        return progress.epoch >= settings.epochs or out_of_steps or progress.stopped_early

    def _validate(self) -> bool:
        """Measure on the validation data, once per step at most; False when there are none."""
        parts, progress = self.parts, self.progress
        if parts.val is None or progress.validated_at == progress.step:
            return False
        metrics = self._validation.measure(parts.val)
        wanted = parts.settings.metrics
        if wanted is not None:
            kept = {"val/loss", *parts.settings.monitored, *(f"val/{name}" for name in wanted)}
            metrics = {key: value for key, value in metrics.items() if key in kept}
        progress.validated_at = progress.step
        progress.metrics.update(metrics)
        self._record({**self._train_metrics(), **metrics})
        self._watch()
        return True

    def _watch(self) -> None:
        """Look at the metrics that decide something, after each validation; without one, at the end of an epoch.

        Raises:
            ConfigValueError: one is not measured; those that are measured are offered.
        """
        measured, early_stopping = self.progress.metrics, self.parts.early_stopping
        check_measured(self.parts.settings.monitored, measured)
        if early_stopping and early_stopping.update(measured):
            self.progress.stopped_early = True

    def _flush_losses(self) -> None:
        """Bring the losses of the last steps to the CPU in one go."""
        if self._losses:
            for value in torch.stack(self._losses).tolist() if len(self._losses) > 1 else [self._losses[0].item()]:
                self.progress.loss_sum += value
            self.progress.loss_count += len(self._losses)
            self._losses.clear()

    def _train_metrics(self) -> dict[str, float]:
        """Mean loss since the last record, learning rates and gradient norm; empty when no step was made since."""
        self._flush_losses()
        progress = self.progress
        if not progress.loss_count:
            return {}
        metrics = {"train/loss": progress.loss_sum / progress.loss_count}
        progress.loss_sum, progress.loss_count = 0.0, 0
        groups = self.parts.optimizer.param_groups
        for number, group in enumerate(groups):
            metrics["train/lr" if len(groups) == 1 else f"train/lr/{number}"] = float(group["lr"])
        if self._norm is not None:
            metrics["train/grad_norm"] = self._norm.item()
            self._norm = None
        progress.metrics.update(metrics)
        return metrics

    def _record(self, metrics: dict[str, float]) -> None:
        progress = self.progress
        record = {"step": progress.step, "epoch": progress.epoch + 1, "time": time.time(), **metrics}
        for tracker in self.parts.trackers:
            tracker.log(record)

    def _stop_validation(self, before: dict[str, Any]) -> None:
        """The run goes on from before a validation that was cut short."""
        if self.stop.requested:
            self._interrupt(before)

    def _interrupt(self, rng: dict[str, Any]) -> None:
        self._save(epoch_end=False, rng=rng)
        raise Interrupted(self.stop.reason)

    def _save(self, *, epoch_end: bool, rng: dict[str, Any] | None = None) -> None:
        self._flush_losses()
        metrics = {k: v for k, v in self.progress.metrics.items() if math.isfinite(v)}
        current = self.progress.validated_at == self.progress.step
        self.parts.checkpoints.save(
            self.state(rng),
            step=self.progress.step,
            epoch=self.progress.epoch,
            epoch_end=epoch_end,
            # a validation of other weights says nothing of these
            metrics=metrics if current else {k: v for k, v in metrics.items() if not k.startswith("val/")},
        )

    def state(self, rng: dict[str, Any] | None = None) -> TrainingState:
        """Everything that the rest of the run depends on."""
        parts = self.parts
        named = {name.removeprefix("_orig_mod."): value for name, value in parts.model.state_dict().items()}
        return {
            "model": {name: value.detach() for name, value in named.items() if isinstance(value, torch.Tensor)},
            "model_extra": {name: value for name, value in named.items() if not isinstance(value, torch.Tensor)},
            "kinds": self.kinds,
            "optimizer": parts.optimizer.state_dict(),
            "scheduler": parts.scheduler.state_dict() if parts.scheduler else {},
            "scheduler_as_made": self.scheduler_as_made,
            "precision": parts.precision.state_dict(),
            "early_stopping": parts.early_stopping.state_dict() if parts.early_stopping else {},
            "progress": asdict(self.progress),
            "order": {**parts.train.order, "accumulate": parts.settings.accumulate},
            "rng": rng or snapshot(),
            "config": parts.config,
        }

    def load(self, state: TrainingState) -> None:
        """Go on from a state; the model has been loaded already."""
        parts = self.parts
        parts.optimizer.load_state_dict(state["optimizer"])
        if parts.scheduler and state["scheduler"]:
            parts.scheduler.load_state_dict(state["scheduler"])
            self.scheduler_as_made = state.get("scheduler_as_made", self.scheduler_as_made)
        parts.precision.load_state_dict(state["precision"])
        if parts.early_stopping:
            parts.early_stopping.load_state_dict(state["early_stopping"])
        self.progress = Progress(**state["progress"])
        # by the patience of now, which may be more than it was
        self.progress.stopped_early = parts.early_stopping is not None and parts.early_stopping.used_up
        restore(state["rng"])


def _every(count: int, period: int | None) -> bool:
    return bool(period) and count % period == 0  # type: ignore[operator]


def _next(step: int, period: int | None) -> int:
    return step - step % period + period if period else NEVER
