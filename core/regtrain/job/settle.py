"""What only the job can know: the device of the machine where it runs, its number format, and what can be monitored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from regtrain.hardware import Hardware
from regtrain.job.making import Job
from regtrain.plan.choices import choose_device
from regtrain.types import Choice, Plan, Settled

__all__ = ["settle_device", "settle_measures"]


def settle_device(plan: Plan, hardware: Hardware) -> Settled:
    """Device and number format, as the config asks for them and this machine has them.

    Raises:
        ConfigValueError: the config asks for a device that is not here.
    """
    device, precision = choose_device(plan.config, hardware)
    kind = str(device.value).partition(":")[0]
    values = {"training.device": kind, "training.precision": precision.value}
    return Settled(plan.run_id, str(device.value), values, (device, precision))


def settle_measures(job: Job, has_val: bool) -> Job:
    """Without validation data nothing under `val/` is measured: the training loss is used instead."""
    if has_val:
        return job
    config, choices = job.config, []
    values: dict[str, Any] = {}
    sections = {"checkpoint": config.checkpoint.monitor}
    if config.early_stopping:
        sections["early_stopping"] = config.early_stopping.monitor or config.checkpoint.monitor
    for section, monitor in sections.items():
        if monitor and monitor.startswith("val/"):
            values |= {f"{section}.monitor": "train/loss", f"{section}.mode": "min"}
            choices.append(Choice(f"{section}.monitor", "train/loss", "there are no validation data"))
    settled = replace(job.settled, values={**job.settled.values, **values}, choices=(*job.settled.choices, *choices))
    return replace(job, settled=settled, config=settled.config(job.plan))
