"""System metrics: sampled by the forwarder, records of the run, and no metrics of the training."""

from __future__ import annotations

import math
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from regtrain.config import from_mapping
from regtrain.run_dir.records import read_records
from regtrain.tracking import missing_packages, start
from regtrain.tracking.system import Machine, Sampler, is_sampled
from regtrain_registry.cards.plots import read_curves
from support.cli.projects import Project
from support.tracking.runs import CONFIG, HOST, TrackedFolder


def test_this_machine(tmp_path: Path) -> None:
    """CPU, memory, disk and network, all of them finite numbers."""
    found = Machine(tmp_path).sample()
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    assert {
        "cpu_utilization_percentage", "system_memory_usage_megabytes", "disk_available_megabytes",
        "network_receive_megabytes",
    } <= found.keys()  # fmt: skip


def test_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each GPU has numbers of its own; one value that a card does not tell leaves the others. A stand-in for NVML,
    which needs a card."""

    def no_power(handle: int) -> int:
        raise RuntimeError("not supported")

    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=(handle + 1) * 1e9, total=4e9),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=10 * handle),
        nvmlDeviceGetPowerUsage=no_power,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    found = {name: value for name, value in Machine(tmp_path).sample().items() if name.startswith("gpu")}
    assert found == {
        "gpu_0_memory_usage_megabytes": 1000.0,
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_utilization_percentage": 0.0,
        "gpu_1_memory_usage_megabytes": 2000.0,
        "gpu_1_memory_usage_percentage": 50.0,
        "gpu_1_utilization_percentage": 10.0,
    }


def test_a_record_has_the_newest_step(tmp_path: Path) -> None:
    """And none is written once the job has ended: the file is registered then."""
    folder = TrackedFolder(tmp_path)
    sampler = Sampler(folder.run_dir, folder.plan)
    sampler.record({"cpu": 1.0})
    folder.metrics(0.5, 0.25)
    with (folder.logs / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "ep')
    sampler.record({"cpu": 2.0})
    folder.end()
    sampler.record({"cpu": 3.0})
    found = [r for r in read_records(folder.logs / "metrics.jsonl") if "system/cpu" in r]
    assert [(r["step"], r["epoch"], r["system/cpu"]) for r in found] == [(0, 1, 1.0), (1, 1, 2.0)]
    curves = read_curves((folder.logs / "metrics.jsonl").read_text().splitlines())
    assert list(curves) == ["loss"], "no curve of the model card"


def test_when_they_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tracker unless switched off, and without one when asked for; a package that is missing is a warning."""
    folder = TrackedFolder(tmp_path, lines={})
    cases = {(True, None): True, (True, False): False, (False, None): False, (False, True): True}
    for (tracked, asked), sampled in cases.items():
        folder.track(**({"lines": {}} if tracked else {}))
        logging = from_mapping({**CONFIG, "logging": {"system_metrics": asked}}).config.logging
        folder.plan.config.__dict__["logging"] = logging
        assert is_sampled(folder.plan) == sampled, (tracked, asked)
    assert missing_packages(folder.plan, HOST) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (line,) = missing_packages(folder.plan, HOST)
    assert "pip install 'regtrain[system-metrics]'" in line


def test_in_a_run_without_trackers(project: Project) -> None:
    """`logging.system_metrics: true` is enough; the run ends as always, with nothing of it among its metrics."""
    project.write(
        "model.py",
        "import threading\nimport time\nfrom pathlib import Path\nfrom torch import nn\n\n\ndef build():\n"
        "    (path,) = Path('runs').glob('*/logs/metrics.jsonl')\n"
        "    deadline = time.monotonic() + 60\n"
        "    while 'system/' not in path.read_text():\n"
        "        assert time.monotonic() < deadline\n"
        "        threading.Event().wait(0.01)\n"
        "    return nn.Linear(3, 2)\n",
    )
    project.config(logging={"system_metrics": True, "system_metrics_every": 0.1})
    run = project.train()
    records = list(read_records(Path(run["run_dir"]) / "logs/metrics.jsonl"))
    assert any("system/cpu_utilization_percentage" in record for record in records)
    assert not any(name.startswith("system/") for name in run["metrics"])


def test_the_thread_ends(tmp_path: Path) -> None:
    """It stops when the run has ended."""
    folder = TrackedFolder(tmp_path)
    sampler = Sampler(folder.run_dir, folder.plan)
    sampler.start()
    sampler.stop()
    sampler.join(60)
    assert sampler not in threading.enumerate()
    assert start(folder.run_dir, folder.plan) is None
