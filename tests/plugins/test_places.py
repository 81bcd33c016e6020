"""The launcher and the strategy that ship."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch

from regtrain.testing import LauncherConformance, PluginConformance, StrategyConformance
from regtrain.types import JobCommand, Resources
from regtrain_plugins.launchers.local import Local
from regtrain_plugins.strategies.single import Single

LOCAL = "regtrain_plugins.launchers.local"
DDP = "regtrain_plugins.strategies.ddp"
SINGLE = "regtrain_plugins.strategies.single"


class TestLocalPlugin(PluginConformance):
    module = LOCAL
    provides: ClassVar = {"launchers": ["local"]}
    without_torch = True


class TestSinglePlugin(PluginConformance):
    module = SINGLE
    provides: ClassVar = {"strategies": ["single"]}
    without_torch = True


class TestDdpPlugin(PluginConformance):
    module = DDP
    provides: ClassVar = {"strategies": ["ddp"]}
    without_torch = True


class TestLocal(LauncherConformance):
    module = LOCAL
    offers = "local"
    signals = ("SIGTERM", "SIGUSR1", "SIGINT")  # no terminal is there, so nobody else sends the job a SIGINT


class TestSingle(StrategyConformance):
    module = SINGLE
    offers = "single"


class TestDdp(StrategyConformance):
    module = DDP
    offers = "ddp"


class Pair(NamedTuple):
    inputs: torch.Tensor
    target: torch.Tensor


def test_batches_move_with_their_form() -> None:
    """On a device that is not the CPU, named tuples, tuples, lists and mappings are moved and keep their type."""
    moved = Single("meta").to_device({"pair": Pair(torch.ones(2), torch.ones(3)), "rest": [(torch.ones(1), "a")]})
    assert type(moved["pair"]) is Pair
    assert moved["pair"].target.device.type == "meta"
    assert moved["rest"][0][0].device.type == "meta"
    assert moved["rest"][0][1] == "a"


def test_a_thread_can_launch(tmp_path: Path) -> None:
    """Outside the main thread, where Python allows no signal handlers, the job still runs."""
    codes: list[int | None] = []
    job = JobCommand(("-c", "import sys; sys.exit(7)"), tmp_path, {})
    thread = threading.Thread(target=lambda: codes.append(Local().launch(job, Resources()).exit_code))
    thread.start()
    thread.join()
    assert codes == [7]
