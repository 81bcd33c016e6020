"""Load of the machine as records of the run, sampled by the forwarder: CPU, memory, disk, network, and NVIDIA GPUs."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regtrain.run_dir import RunDir
from regtrain.run_dir.records import Cursor, RecordWriter, records_from
from regtrain.tracking import cursors
from regtrain.types import Plan

__all__ = ["Machine", "Sampler", "is_sampled", "missing_sampler"]

PREFIX = "system/"
FIRST = 1.0  # seconds until the first sample, so that a short run has one
TAIL = 1 << 16  # bytes at the end of the file, in which the newest step is looked for
MEGABYTE = 1e6


def is_sampled(plan: Plan) -> bool:
    """As `logging.system_metrics` says; when it is left out, where there is a tracker that shows them."""
    asked = plan.config.logging.system_metrics
    return bool(cursors.enabled(plan)) if asked is None else asked


def missing_sampler(plan: Plan) -> list[str]:
    """A line where system metrics were asked for and cannot be had."""
    if not plan.config.logging.system_metrics or importlib.util.find_spec("psutil"):
        return []
    return [
        "logging.system_metrics needs the package 'psutil', which is not installed, and the run goes on without it: "
        "pip install 'regtrain[system-metrics]'"
    ]


class Machine:
    """This machine, with the names that MLflow has for its numbers. Totals count from the first sample on."""

    def __init__(self, folder: Path) -> None:
        """Raises ImportError without psutil; `folder` is on the disk that is looked at."""
        import psutil

        self._psutil, self._folder = psutil, folder
        self._gpus = _Gpus()
        psutil.cpu_percent(None)  # the next call tells the load since this one
        self._before = self._totals()

    def _totals(self) -> Mapping[str, float]:
        network, disk = self._psutil.net_io_counters(), None
        with contextlib.suppress(Exception):  # a container without the disks of its host
            disk = self._psutil.disk_io_counters()
        found = {"network_receive": network.bytes_recv, "network_transmit": network.bytes_sent} if network else {}
        return found | ({"disk_read": disk.read_bytes, "disk_write": disk.write_bytes} if disk else {})

    def sample(self) -> dict[str, float]:
        """Name without `system/` → value."""
        memory = self._psutil.virtual_memory()
        found = {
            "cpu_utilization_percentage": self._psutil.cpu_percent(None),
            "system_memory_usage_megabytes": (memory.total - memory.available) / MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
        }
        with contextlib.suppress(OSError):
            disk = self._psutil.disk_usage(str(self._folder))
            found |= {
                "disk_usage_percentage": disk.percent,
                "disk_usage_megabytes": disk.used / MEGABYTE,
                "disk_available_megabytes": disk.free / MEGABYTE,
            }
        for name, total in self._totals().items():
            found[f"{name}_megabytes"] = (total - self._before.get(name, total)) / MEGABYTE
        return found | self._gpus.sample()


class _Gpus:
    """NVIDIA's GPUs through NVML; none without its package, its library or its driver."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        try:
            import pynvml

            self._nvml = pynvml
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
        except Exception:  # of many kinds, and none of them an error of the run
            self._handles = []

    def sample(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for number, handle in enumerate(self._handles):
            name = f"gpu_{number}"
            with contextlib.suppress(Exception):
                memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
                found[f"{name}_memory_usage_megabytes"] = memory.used / MEGABYTE
                found[f"{name}_memory_usage_percentage"] = 100 * memory.used / memory.total
            with contextlib.suppress(Exception):
                found[f"{name}_utilization_percentage"] = float(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            with contextlib.suppress(Exception):
                found[f"{name}_power_usage_watts"] = self._nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        return found


class Sampler(threading.Thread):
    """Appends a record now and then, until the run has ended."""

    def __init__(self, run_dir: RunDir, plan: Plan) -> None:
        super().__init__(name="system metrics", daemon=True)
        self._every = float(plan.config.logging.system_metrics_every)
        self._run_dir = run_dir
        self._path = run_dir.logs(plan.config) / "metrics.jsonl"
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            machine = Machine(self._run_dir.path)
        except ImportError:
            return
        wait = min(FIRST, self._every)
        while not self._stopped.wait(wait):
            self.record(machine.sample())
            wait = self._every

    def stop(self) -> None:
        self._stopped.set()

    def record(self, sample: Mapping[str, float]) -> None:
        """Nothing once the job has ended: the file is part of what is registered."""
        where = newest_position(self._path)
        if self._run_dir.outcome.exists():
            return
        writer = RecordWriter(self._path)
        try:
            writer.write({**where, "time": time.time(), **{PREFIX + name: value for name, value in sample.items()}})
        finally:
            writer.close()


def newest_position(path: Path) -> dict[str, int]:
    """Step and epoch of the newest record; those of the start where there is none."""
    try:
        begin = max(0, path.stat().st_size - TAIL)
    except FileNotFoundError:
        return {"step": 0, "epoch": 1}
    for record in reversed(records_from(path, Cursor(begin, 0), TAIL).records):
        step, epoch = record.get("step"), record.get("epoch")
        if isinstance(step, int) and isinstance(epoch, int):
            return {"step": step, "epoch": epoch}
    return {"step": 0, "epoch": 1}
