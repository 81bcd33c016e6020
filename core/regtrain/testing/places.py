"""What launchers and strategies owe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from regtrain.testing.offered import Offered
from regtrain.types import JobCommand, Kind, Launcher, Resources, Strategy

__all__ = ["LauncherConformance", "StrategyConformance"]

# The launcher under test, in a process that can be sent a signal.
LAUNCHING = """
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from regtrain.host import GROUP, Host
from regtrain.types import JobCommand, Resources
module, name, folder, code = sys.argv[1:]
launcher = Host([EntryPoint("under-test", module, GROUP)]).offer("launchers", name).factory()
sys.exit(launcher.launch(JobCommand(("-c", code), Path(folder), {}), Resources()).exit_code % 256)
"""

# A job that says when it can take the signal, and ends with 75 when it comes.
WAITING = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.{name}])
print("ready", flush=True)
signal.sigwait([signal.{name}])
sys.exit(75)
"""


class LauncherConformance(Offered):
    """A launcher starts a real job, hands its environment and signals on, and returns its exit code.

    ```python
    class TestNice(LauncherConformance):
        module = "regtrain_nice"
        offers = "nice"
    ```
    """

    kind: ClassVar[Kind] = "launchers"
    signals: ClassVar[tuple[str, ...]] = ("SIGTERM", "SIGUSR1")
    """Signals that the job must see when the launcher gets them."""
    patience: ClassVar[float] = 60.0
    """Seconds after which a job that ought to have ended is killed and the test fails."""

    def _exit_code(self, launcher: Launcher, job: JobCommand) -> int | None:
        return launcher.launch(job, Resources()).exit_code

    @pytest.mark.parametrize("code", [0, 2, 75])
    def test_the_exit_code_comes_back(self, factory: Callable[..., Launcher], code: int, tmp_path: Path) -> None:
        """What the job exits with is what launch returns."""
        job = JobCommand(("-c", f"import sys; sys.exit({code})"), tmp_path, {})
        assert self._exit_code(factory(), job) == code

    def test_the_environment_is_handed_on(self, factory: Callable[..., Launcher], tmp_path: Path) -> None:
        """The job sees its own variables and those of the caller."""
        code = "import os, sys; sys.exit(int(os.environ['REGTRAIN_TESTING']) if 'PATH' in os.environ else 1)"
        assert self._exit_code(factory(), JobCommand(("-c", code), tmp_path, {"REGTRAIN_TESTING": "42"})) == 42

    def test_a_killed_job_is_no_success(self, factory: Callable[..., Launcher], tmp_path: Path) -> None:
        """A job that was killed gives a code other than 0."""
        code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert self._exit_code(factory(), JobCommand(("-c", code), tmp_path, {})) != 0

    def test_signals_reach_the_job(self, name: str, tmp_path: Path) -> None:
        """A signal to the launching process arrives in the job, whose own exit code then counts."""
        for wanted in self.signals:
            argv = [sys.executable, "-c", LAUNCHING, self.module, name, str(tmp_path), WAITING.format(name=wanted)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment, start_new_session=True) as process:
                try:
                    assert process.stdout is not None
                    assert process.stdout.readline() == b"ready\n"
                    process.send_signal(signal.Signals[wanted])
                    assert process.wait(self.patience) == 75
                finally:
                    _end(process)

    def test_handlers_are_put_back(self, factory: Callable[..., Launcher], tmp_path: Path) -> None:
        """After a launch the caller's signal handlers are as they were."""
        before = [signal.getsignal(signal.Signals[name]) for name in ("SIGINT", *self.signals)]
        self._exit_code(factory(), JobCommand(("-c", "pass"), tmp_path, {}))
        assert [signal.getsignal(signal.Signals[name]) for name in ("SIGINT", *self.signals)] == before


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a test running: the launcher and its job share a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class StrategyConformance(Offered):
    """A strategy takes a model and batches to its device, and knows its place among the processes.

    ```python
    class TestHalf(StrategyConformance):
        module = "regtrain_half"
        offers = "half"
        device = "cpu"
    ```
    """

    kind: ClassVar[Kind] = "strategies"
    device: ClassVar[str] = "cpu"

    @pytest.fixture
    def strategy(self, factory: Callable[..., Strategy]) -> Strategy:
        return factory(self.device)

    def test_it_knows_its_place(self, strategy: Strategy) -> None:
        """The rank is below the number of processes; the device is the one that was asked for."""
        assert 0 <= strategy.rank < strategy.world_size
        assert strategy.device.type == torch.device(self.device).type

    def test_a_prepared_model_learns(self, strategy: Strategy) -> None:
        """The prepared model takes a batch of the same device, and gives gradients."""
        model = strategy.prepare(nn.Linear(3, 2))
        model(strategy.to_device(torch.ones(4, 3))).sum().backward()
        assert all(p.grad is not None and p.device.type == strategy.device.type for p in model.parameters())

    def test_batches_keep_their_form(self, strategy: Strategy) -> None:
        """Mappings, lists and tuples come back as they were, every tensor in them on the device."""
        batch = {"image": torch.ones(2, 3), "names": ["a", "b"], "pair": (torch.zeros(2), [torch.ones(2)])}
        moved = strategy.to_device(batch)
        assert list(moved) == list(batch)
        assert moved["names"] == ["a", "b"]
        assert type(moved["pair"]) is tuple
        assert type(moved["pair"][1]) is list
        for tensor in (moved["image"], moved["pair"][0], moved["pair"][1][0]):
            assert tensor.device.type == strategy.device.type
        assert moved["image"].shape == (2, 3)
