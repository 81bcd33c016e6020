"""What the shipped plugins refuse before anything is spent: planned from a real config."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain.errors import PluginError
from regtrain.host import Host
from regtrain.run import Request, plan_run
from regtrain.types import Plan

CONFIG = """
model: {name: mlp, in_features: 64, out_features: 10}
data: {name: digits}
training: {epochs: 2}
"""
NESTED = "{name: SequentialLR, milestones: [1], schedulers: [{name: LinearLR}, {name: %s}]}"


def planned(folder: Path, lines: str) -> Plan:
    (folder / "run.yaml").write_text(CONFIG + lines)
    return plan_run(Request(folder / "run.yaml", cwd=folder), Host()).plan


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("scheduler: {name: lambdalr}", "LambdaLR takes a function"),
        ("scheduler: {name: MultiplicativeLR}", "MultiplicativeLR takes a function"),
        ("scheduler: {name: OneCycleLR, interval: epoch, max_lr: 0.1}", "OneCycleLR counts optimizer steps"),
        ("scheduler: " + NESTED % "LambdaLR", "LambdaLR takes a function"),
        ("scheduler: " + NESTED % "onecyclelr", "OneCycleLR counts optimizer steps"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(lines: str, words: str, tmp_path: Path) -> None:
    """Schedulers that a config cannot hold are named with the reason."""
    with pytest.raises(PluginError, match=words):
        planned(tmp_path, lines)


@pytest.mark.parametrize(
    "lines",
    [
        "scheduler: {name: OneCycleLR, max_lr: 0.1}",
        "scheduler: {name: onecyclelr, max_lr: 0.1, interval: step}",
        "scheduler: {name: cosine, interval: step, warmup_epochs: 1}",
        "scheduler: " + NESTED % "cosine",
        "optimizer: {name: MUON}",
        "optimizer: {name: lbfgs}",
        "optimizer: {name: SPARSEADAM}",
        "scheduler: null",
    ],
)
def test_what_can_be_trained_is_planned(lines: str, tmp_path: Path) -> None:
    """OneCycleLR steps by itself at every step; short names stand among the parts of another scheduler."""
    plan = planned(tmp_path, lines)
    if "onecycle" in lines.lower():
        assert plan.config.scheduler
        assert plan.config.scheduler.interval == "step"
