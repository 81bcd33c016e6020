"""One optimizer step: its micro-batches forward and backward, then the optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from regtrain.trainer.callbacks import Callbacks
from regtrain.trainer.metrics import Running, unfolded
from regtrain.trainer.parts import Parts, Progress
from regtrain.types import Fit, StepOutput, StepReport

__all__ = ["Steps"]


class Steps:
    """Learns from micro-batches, and steps when those of a step are through.

    A step has `accumulate` micro-batches of each process. Micro-batch `a · world_size + r` of the step belongs to rank
    r and weighs its samples over those of the whole step, times the number of processes where gradients are averaged
    over them: so a step of several processes equals that of one process over the same micro-batches.
    """

    def __init__(self, parts: Parts, progress: Progress, running: Running, callbacks: Callbacks, fit: Fit) -> None:
        place = parts.strategy.place
        self._parts = parts
        self._progress = progress
        self._running = running
        self._callbacks = callbacks
        self._fit = fit
        self._engine = parts.engine
        self._model = parts.model
        self._rank, self._world = place.rank, place.world_size
        self.window = parts.settings.accumulate * place.world_size
        self._single = parts.settings.accumulate == 1
        self._batches = len(parts.train)
        self._kept: list[tuple[Any, int]] | None = [] if parts.engine.needs_closure else None
        watched = callbacks.has("on_train_batch_start", "on_train_batch_end")
        self.learn = self._learn_watched if watched else self._learn
        self._before_step = callbacks.has("on_before_optimizer_step")

    def forward(self, batch: Any, *, last: bool = True) -> Any:
        """What the task makes of a batch on the device."""
        parts = self._parts
        return self._engine.forward(parts.task.train_step, parts.model, parts.criterion, batch, last=last)

    def step(self, *, measure: bool) -> StepReport:
        """Step with the gradients of the micro-batches; `measure`: also report their norm."""
        if self._before_step:
            self._callbacks.call("on_before_optimizer_step", self._fit)
        if self._kept is None:
            return self._engine.step(measure=measure)
        report = self._engine.step(self._closure(self._kept), measure=measure)
        self._kept = []
        return report

    def _learn(self, batch: Any) -> Any:
        done, number = self._progress.batch, self._progress.batch + self._rank
        if self._kept is not None:
            self._kept.append((batch, number))
            return None
        last = self._single or (done + self._world) % self.window == 0 or done + self._world >= self._batches
        parts, engine = self._parts, self._engine
        output: StepOutput = engine.forward(parts.task.train_step, self._model, parts.criterion, batch, last=last)
        if type(output.loss) is dict:
            output = unfolded(output)
        self._note(output, number)
        loss = output.loss
        if self.window > 1:
            share = self._share(number)
            if share != 1.0:
                loss = loss * share
        engine.backward(loss, last=last)
        return output

    def _learn_watched(self, batch: Any) -> Any:
        number = self._progress.batch + self._rank
        self._callbacks.call("on_train_batch_start", self._fit, batch, number)
        output = self._learn(batch)
        self._callbacks.call("on_train_batch_end", self._fit, output, batch, number)
        return output

    def _note(self, output: StepOutput, number: int) -> None:
        """Keep loss and logs for the next record. A batch that another process has, too, weighs nothing."""
        size = self._parts.train.size_of(number)
        self._running.add_loss(output.loss.detach())
        self._running.add_weight(size if output.weight is None or not size else output.weight)
        if output.logs:
            self._running.add_logs(output.logs)

    def _share(self, number: int) -> float:
        """Weight of a micro-batch in its step, also where the epoch ends early."""
        train, window = self._parts.train, self.window
        first = number - number % window
        samples = sum(train.size_of(i) for i in range(first, min(first + window, self._batches)))
        return train.size_of(number) / samples * self._world

    def _closure(self, kept: list[tuple[Any, int]]) -> Callable[[], torch.Tensor]:
        """Evaluates the step anew: the loss over all of its micro-batches, and its gradients."""
        noted = False

        def closure() -> torch.Tensor:
            nonlocal noted
            self._engine.zero_grad()
            total = torch.zeros(())
            for position, (batch, number) in enumerate(kept, 1):
                output = self.forward(batch, last=position == len(kept))
                if type(output.loss) is dict:
                    output = unfolded(output)
                if not noted:  # the loss of the weights that the step began with
                    self._note(output, number)
                loss = output.loss * self._share(number)
                self._engine.backward(loss, last=position == len(kept))
                total = total.to(loss.device) + loss.detach()
            noted = True
            # a line search takes decisions by it, which must be the same in every process
            return torch.stack(self._parts.strategy.gather(total)).mean(dim=0) if self._world > 1 else total

        return closure
