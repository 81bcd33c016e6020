"""The training of step.py as peers do it: each in the way of its own documentation, with all extras switched off.

Every function takes the dataset and a file for one line of JSON a step (None: nothing is logged), does its set-up, and
returns a function that trains one epoch and returns the model.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH, SEED = 32, 1
Train = Callable[[], nn.Module]


def build() -> nn.Module:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))


class Lines:
    """One line of JSON a step, written at once."""

    def __init__(self, log: Path | None) -> None:
        self._file = log.open("a", buffering=1) if log else None

    def write(self, step: int, loss: torch.Tensor) -> None:
        if self._file:
            self._file.write(json.dumps({"step": step, "time": time.time(), "train/loss": loss.item()}) + "\n")


def lightning(dataset: TensorDataset, log: Path | None) -> Train:
    """Lightning's Trainer with a module that returns the loss; clipping by the trainer, the schedule by step."""
    import lightning as pl

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lines = Lines(log)

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = build()

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = nn.functional.cross_entropy(self.model(batch[0]), batch[1])
            lines.write(index + 1, loss)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3)
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    module = Module()
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        default_root_dir=tempfile.mkdtemp(),
    )
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)

    def train() -> nn.Module:
        trainer.fit(module, loader)
        return module.model

    return train


def ignite(dataset: TensorDataset, log: Path | None) -> Train:
    """An Engine over a process function."""
    from ignite.engine import Engine, Events

    model, lines = build(), Lines(log)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)

    def step(engine: Engine, batch: Any) -> torch.Tensor:
        model.train()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    engine = Engine(step)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda e: scheduler.step())
    if log:
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda e: lines.write(e.state.iteration, e.state.output))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)

    def train() -> nn.Module:
        engine.run(loader, max_epochs=1)
        return model

    return train


def accelerate(dataset: TensorDataset, log: Path | None) -> Train:
    """The loop by hand around `Accelerator.prepare`, `backward` and `clip_grad_norm_`."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model, lines = build(), Lines(log)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    model, optimizer, scheduler, loader = accelerator.prepare(model, optimizer, scheduler, loader)

    def train() -> nn.Module:
        model.train()
        for number, (inputs, targets) in enumerate(loader, 1):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            if log:
                lines.write(number, loss)
        return accelerator.unwrap_model(model)

    return train


def hf_trainer(dataset: TensorDataset, log: Path | None) -> Train:
    """Transformers' Trainer with a module that returns its loss."""
    import transformers

    transformers.logging.set_verbosity_error()
    lines = Lines(log)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = build()

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": nn.functional.cross_entropy(self.model(inputs), labels)}

    class Logged(transformers.TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if logs and "loss" in logs:
                lines.write(state.global_step, torch.tensor(logs["loss"]))

    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    arguments = transformers.TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        max_grad_norm=1.0,
        logging_strategy="steps" if log else "no",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = transformers.Trainer(
        model,
        arguments,
        train_dataset=dataset,
        data_collator=lambda rows: {
            "inputs": torch.stack([row[0] for row in rows]),
            "labels": torch.stack([row[1] for row in rows]),
        },
        optimizers=(optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.9)),
        callbacks=[Logged()] if log else [],
    )
    trainer.remove_callback(transformers.PrinterCallback)

    def train() -> nn.Module:
        trainer.train()
        return model.model

    return train


if __name__ == "__main__":
    sys.exit("run step.py --peers")
