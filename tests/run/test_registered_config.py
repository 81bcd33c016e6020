"""What is registered is the plan's config with what the job has settled; which keys move a version, the schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from regtrain.config.keys import all_keys, not_learned
from regtrain.run_dir import RunDir
from support.cli.projects import Project


def config_of(project: Project, ref: str = "tiny") -> dict[str, Any]:
    found: dict[str, Any] = project("models", "show", ref, "--json").json()["config"]
    return found


def test_what_the_job_settles_is_registered(project: Project) -> None:
    """Device and number format of the machine where it ran, and the metric that stood in without validation data."""
    project.write(
        "data.py",
        (project.folder / "data.py").read_text().replace(", TensorDataset(inputs[-8:], labels[-8:])", ", None"),
    )
    project.config(early_stopping={"patience": 5})
    result = project.train()
    config = config_of(project)
    assert (config["training"]["device"], config["training"]["precision"]) == ("cpu", "32")
    assert (config["checkpoint"]["monitor"], config["checkpoint"]["mode"]) == ("train/loss", "min")
    assert config["early_stopping"]["monitor"] == "train/loss"
    run_dir = RunDir(Path(result["run_dir"]))
    plan = run_dir.read_plan()
    assert (plan.config.training.device, plan.config.checkpoint.monitor) == ("auto", "val/accuracy")
    settled = json.loads(run_dir.settled.read_bytes())
    reasons = {choice["key"]: choice["reason"] for choice in settled["choices"]}
    assert reasons["checkpoint.monitor"] == "there are no validation data"


def test_a_loss_from_a_file_has_no_name(project: Project) -> None:
    """`loss.target` is not repeated as `loss.name`."""
    project.write("loss.py", "from torch import nn\ndef build(): return nn.CrossEntropyLoss()\n")
    project.config(loss={"target": "./loss.py:build"})
    project.train()
    loss = config_of(project)["loss"]
    assert (loss["target"], loss["name"]) == ("./loss.py:build", None)


def test_keys_that_are_no_part_of_the_recipe_move_the_patch_only(project: Project) -> None:
    """`optimizer.strict` says how a mistake is reported, `mixed_precision` how a choice is made that is kept resolved."""
    project.train()
    for override in (
        "optimizer.strict=true",
        "training.mixed_precision=false",
        "training.target_batch_size=8",
        "logging.every_n_steps=3",
    ):
        project.train(override)
    versions = [v["version"] for v in project("models", "versions", "tiny", "--json").json()]
    assert versions == ["1.0.4", "1.0.3", "1.0.2", "1.0.1", "1.0.0"]
    project.train("training.gradient_accumulation_steps=2")
    assert project("models", "show", "tiny", "--json").json()["version"] == "1.1.0"


def test_the_schema_says_it_at_the_key() -> None:
    """Each key that is left out of the recipe exists, and what is learned is not among them."""
    keys = {".".join(key.path) for key in all_keys()}
    assert not_learned() <= keys
    for key in ("optimizer.strict", "training.auto_batch_size", "checkpoint", "experiment.seed"):
        assert key in not_learned()
    for key in ("optimizer.lr", "training.batch_size", "model.args", "data.args", "scheduler", "loss.name"):
        assert key not in not_learned()
