"""The Python face: live objects are trained, recorded and registered like a run from the command line."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from regtrain.api import RunResult, Trainer
from regtrain.config import Config
from regtrain.errors import CheckpointMismatchError, JobFailedError, MissingKeyError, RegtrainError, UnknownNameError
from support.cli.projects import Project
from support.small_runs import StopAt, differences

CONFIG = {"training": {"epochs": 2, "batch_size": 8}, "optimizer": {"name": "SGD", "lr": 0.1}}


def rows(count: int = 16) -> TensorDataset:
    inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
    return TensorDataset(inputs, (inputs.sum(1) > 0).long())


def model(width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def trainer(config: Any = None, **parts: Any) -> Trainer:
    parts = {"model": model(), "train_dataset": rows(), "val_dataset": rows(8), "experiment_name": "live", **parts}
    return Trainer(config or CONFIG, **parts)


def test_live_objects_are_trained_recorded_and_registered(tmp_path: Path) -> None:
    """A model and datasets that were passed are trained in place; the result, the run and the version agree."""
    net = model()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    result = trainer(model=net, output_dir="out").train()
    assert isinstance(result, RunResult)
    assert (result.status, result.exit_code, result.outcome.epochs, result.outcome.steps) == ("finished", 0, 2, 4)
    assert result.run_dir.parent == tmp_path / "out"
    assert result.version is not None
    assert result.version.ref == "live@1.0.0"
    assert differences(before, net.state_dict())
    project = Project(tmp_path)
    (run,) = project.runs()
    assert (run["run_id"], run["status"], run["version"]) == (result.run_id, "finished", "1.0.0")
    shown = project("models", "show", "live", "--json").json()
    assert shown["metrics"]["val/accuracy"] == result.outcome.metrics["val/accuracy"]
    assert json.dumps(result.to_json(), allow_nan=False)
    assert set(project("runs", "show", result.run_id, "--json").json()["data"]) == {"train", "val"}


def test_other_layers_are_other_code(tmp_path: Path) -> None:
    """A model that was passed has no file; what it prints of itself tells a changed layer, and is no new shape."""

    def version(activation: nn.Module) -> str:
        made = trainer(
            model=nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 2)),
            train_dataset=rows(),
            criterion=nn.CrossEntropyLoss(),
            output_dir=tmp_path,
            experiment_name="layers",
        ).train()
        assert made.version
        return made.version.version

    assert [version(a) for a in (nn.ReLU(), nn.ReLU(), nn.Tanh())] == ["1.0.0", "1.0.1", "1.1.0"]


def test_a_config_in_every_form(project: Project) -> None:
    """A mapping in any spelling, a `Config`, a path to YAML and nothing but overridden parts mean the same run."""
    path = project.config("live.yaml", model=None, data=None, launcher=None)
    spelled = {"epochs": 2, "batch": 8, "optimizer": "SGD", "lr": 0.1, "seed": 1}
    canonical = Config.model_validate({**CONFIG, "experiment": {"seed": 1}})
    digests = set()
    for config in (spelled, canonical, path, str(path)):
        result = trainer(config).train()
        assert result.version is not None
        digests.add(result.version.digest)
    assert len(digests) == 1
    assert [v["version"] for v in project("models", "versions", "live", "--json").json()] == [
        "1.0.3",
        "1.0.2",
        "1.0.1",
        "1.0.0",
    ]


def test_names_and_files_fill_in_what_is_not_passed(bare_project: Project) -> None:
    """What is not passed as an object comes from the config, relative to its folder."""
    os.chdir(bare_project.folder.parent)
    path = bare_project.config("file.yaml", launcher=None)
    result = Trainer(path).train()
    assert result.run_dir.parent == bare_project.folder / "runs"
    assert (bare_project.folder / ".regtrain").is_dir()
    again = Trainer(path, model=model(6)).train(resume=None)
    assert again.version is not None
    assert again.version.version == "2.0.0"


def test_mapping_batches_and_a_criterion(tmp_path: Path) -> None:
    """Batches of image and target, and any criterion, are trained on."""

    class Pictures(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            return {"image": torch.full((3,), float(index)), "target": torch.tensor(index % 2)}

    calls = []

    def criterion(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        calls.append(len(target))
        return nn.functional.cross_entropy(outputs, target)

    result = trainer(train_dataset=Pictures(), val_dataset=None, criterion=criterion).train()
    assert result.status == "finished"
    assert calls[-2:] == [8, 8]
    assert result.outcome.best is not None
    assert result.outcome.best["metric"] == "train/loss"
    checkpoints = Project(tmp_path)("checkpoints", "list", "live", "--json").json()
    assert [c["path"] for c in checkpoints if "best" in c["tags"]] == [result.outcome.best["checkpoint"]]


@pytest.mark.parametrize(
    ("config", "parts", "error", "word"),
    [
        ({"epochs": 1}, {"train_dataset": None}, MissingKeyError, "train_dataset"),
        ({"epochs": 1}, {"train_dataset": None, "val_dataset": None}, MissingKeyError, "data.name"),
        ({"epochs": 1}, {"model": None}, MissingKeyError, "model.name"),
        ({"batch_size": 1}, {}, MissingKeyError, "training.epochs"),
        ({"epochs": 1, "optimizer": "SDG"}, {}, UnknownNameError, "SGD"),
        ({"epoks": 1}, {}, RegtrainError, "epochs"),
    ],
)
def test_what_is_wrong_is_raised(
    config: Mapping[str, Any], parts: dict[str, Any], error: type[Exception], word: str, tmp_path: Path
) -> None:
    """Errors are the same classes and words as on the command line, and leave no run behind."""
    with pytest.raises(error, match=word):
        trainer(config, **parts).train()
    assert not (tmp_path / "runs").exists()


def test_a_run_that_fails_is_recorded(tmp_path: Path) -> None:
    """An exception in a user's own code comes back as an error that names its line; the run is recorded as failed."""

    def criterion(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("by hand")

    with pytest.raises(JobFailedError, match="by hand") as caught:
        trainer(criterion=criterion).train()
    assert "test_trainer.py" in caught.value.hint
    assert [run["status"] for run in Project(tmp_path).runs()] == ["failed"]


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_run_that_is_interrupted_goes_on(signum: signal.Signals, tmp_path: Path) -> None:
    """A signal ends the run after its step, saved, exit code 75; going on ends with the same weights as a run that was
    never stopped; the signal means to this process what it meant before."""
    whole = model()
    trainer(model=whole, experiment_name="whole").train()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    cut = trainer({**CONFIG, "logging": {"every_n_steps": 1}}, model=model(), callbacks=[StopAt(3, signum)])
    stopped = cut.train()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == handlers
    assert (stopped.status, stopped.exit_code, stopped.outcome.steps) == ("interrupted", 75, 3)
    assert stopped.outcome.reason == signum.name
    assert stopped.version is None
    assert Project(tmp_path).runs()[0]["status"] == "interrupted"
    rest = model()
    finished = trainer(model=rest).train(resume=stopped.run_dir)
    assert (finished.status, finished.outcome.steps) == ("finished", 4)
    assert differences(whole.state_dict(), rest.state_dict()) == []


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    """A second Ctrl-C is a KeyboardInterrupt to the caller; the run is recorded as interrupted, not left running."""

    class Criterion:
        calls = 0

        def __call__(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls == 3:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
            return nn.functional.cross_entropy(outputs, target)

    with pytest.raises(KeyboardInterrupt):
        trainer(criterion=Criterion()).train()
    (run,) = Project(tmp_path).runs()
    assert (run["status"], run["version"]) == ("interrupted", None)


def test_threads_can_train_side_by_side(tmp_path: Path) -> None:
    """In threads that are not the main one no signal handler is set, and each run has its own log to the end."""
    began, other_done = threading.Event(), threading.Event()

    def criterion(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        began.set()
        assert other_done.wait(60)
        raise ZeroDivisionError("of the first run")

    def fail() -> None:
        with pytest.raises(JobFailedError, match="of the first run"):
            trainer(experiment_name="one", output_dir="one", criterion=criterion).train()

    results: list[RunResult] = []
    handler = signal.getsignal(signal.SIGTERM)
    first = threading.Thread(target=fail)
    second = threading.Thread(target=lambda: results.append(trainer(experiment_name="two", output_dir="two").train()))
    first.start()
    assert began.wait(60)
    second.start()
    second.join(60)
    other_done.set()
    first.join(60)
    assert signal.getsignal(signal.SIGTERM) == handler
    assert [result.status for result in results] == ["finished"]
    logs = {name: next((tmp_path / name).glob("*/logs/train.log")).read_text() for name in ("one", "two")}
    assert "of the first run" in logs["one"]
    assert "of the first run" not in logs["two"]
    assert {run["name"]: run["status"] for run in Project(tmp_path).runs()} == {"one": "failed", "two": "finished"}


def test_resume_by_version_and_from_a_config_elsewhere(project: Project, tmp_path: Path) -> None:
    """`resume` takes a version of the registry beside the config, and a config's own resume_from."""
    first = Trainer(project.config("a.yaml", launcher=None)).train()
    assert first.version is not None
    os.chdir("/")
    longer = {"training": {"epochs": 3, "batch_size": 8}, "launcher": None}
    second = Trainer(project.config("b.yaml", **longer)).train(resume=first.version.ref)
    assert second.version is not None
    assert [p.ref for p in second.version.parents] == ["tiny@1.0.0"]
    third = Trainer(project.config("c.yaml", checkpoint={"resume_from": f"runs/{first.run_id}"}, **longer)).train()
    assert third.outcome.steps == second.outcome.steps == 6


def test_a_live_model_is_left_alone_by_another_architecture(tmp_path: Path) -> None:
    """A checkpoint of another architecture does not change a single weight of the model."""
    first = trainer().train()
    other = model(7)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(RegtrainError, match="another architecture") as caught:
        trainer({**CONFIG, "training": {"epochs": 3, "batch_size": 8}}, model=other).train(resume=first.run_dir)
    assert getattr(caught.value, "code", "") == CheckpointMismatchError.code
    assert differences(before, other.state_dict()) == []
