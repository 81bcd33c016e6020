"""What launchers and strategies owe."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from regtrain.host import Host
from regtrain.testing.offered import Offered
from regtrain.testing.stored import through_store
from regtrain.trainer import DefaultEngine, Trainable
from regtrain.types import Engine, EngineSetup, JobCommand, Kind, Launcher, OptimizerPart, Resources, Strategy

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

    Each test runs in one process. A strategy with the trait `processes="many"` is made with the variables that torchrun
    sets for the only process of one; that several processes agree is for tests that start them.
    """

    kind: ClassVar[Kind] = "strategies"
    device: ClassVar[str] = "cpu"

    @pytest.fixture
    def strategy(self, factory: Callable[..., Strategy], monkeypatch: pytest.MonkeyPatch) -> Iterator[Strategy]:
        for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            monkeypatch.setenv("MASTER_PORT", str(probe.getsockname()[1]))
        with factory(self.device) as strategy:
            yield strategy

    def test_it_says_how_many_processes_it_takes(self, host: Host, name: str) -> None:
        """The trait `processes` is "one" or "many": planning asks for it."""
        assert host.offer("strategies", name).traits.get("processes") in ("one", "many")

    def test_it_knows_its_place(self, strategy: Strategy) -> None:
        """The rank is below the number of processes; the device is the one that was asked for."""
        assert 0 <= strategy.place.rank < strategy.place.world_size
        assert strategy.device.type == torch.device(self.device).type

    def test_a_prepared_model_learns(self, strategy: Strategy) -> None:
        """The engine takes a step on a batch of the same device, and its state has the model's own names."""
        engine = _engine(strategy)
        before = engine.state()["model"]["weight"].clone()
        batch = strategy.to_device(torch.ones(4, 3))
        loss = engine.forward(lambda inputs: engine.model(inputs).sum(), batch)
        engine.backward(loss)
        report = engine.step(measure=True)
        assert report.grad_norm is not None
        assert float(report.grad_norm) > 0
        state = engine.state()
        assert list(state["model"]) == ["weight", "bias"]
        assert not torch.equal(before, state["model"]["weight"])

    def test_its_state_comes_back(self, strategy: Strategy) -> None:
        """A second engine that loads a stored state takes the same step, to the last bit."""
        first = _engine(strategy)
        _step(strategy, first)
        state = {key: through_store(value) for key, value in first.state().items()}
        second = _engine(strategy)
        second.load(state)
        _step(strategy, first)
        _step(strategy, second)
        for name, weight in first.state()["model"].items():
            assert torch.equal(weight, second.state()["model"][name]), f"{name} differs after loading the state"

    def test_processes_agree(self, strategy: Strategy) -> None:
        """A flag, a tensor and an object come back by rank; nothing is lost on the way."""
        count = strategy.place.world_size
        assert strategy.any(True) is True
        assert strategy.any(False) is False
        gathered = strategy.gather(torch.ones(2, dtype=torch.float64))
        assert len(gathered) == count
        assert all(torch.equal(tensor, torch.ones(2, dtype=torch.float64)) for tensor in gathered)
        assert strategy.gather({"a": (1, None)}) == [{"a": (1, None)}] * count
        assert strategy.broadcast({"a": [1.5]}) == {"a": [1.5]}
        strategy.barrier()

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


def _engine(strategy: Strategy) -> Engine:
    torch.manual_seed(0)
    trainable = Trainable(nn.Linear(3, 2), {}, None)

    def optimizers() -> list[OptimizerPart]:
        return [OptimizerPart("", torch.optim.SGD(trainable.parameters(), lr=0.1, momentum=0.9))]

    engine = strategy.prepare(EngineSetup(trainable, optimizers, "32", 1, None, DefaultEngine))
    engine.mode(True)
    return engine


def _step(strategy: Strategy, engine: Engine) -> None:
    batch = strategy.to_device(torch.ones(4, 3))
    engine.backward(engine.forward(lambda inputs: engine.model(inputs).square().sum(), batch))
    engine.step()
