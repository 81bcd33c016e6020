"""Flags and overrides: each lands on its key of the config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.cli.run import FLAGS, GREEDY, plan, run, spread
from regtrain.config import load, to_flat
from regtrain.config.spellings import FLAGS as EXPLAINED
from support.cli.projects import Project

VALUES: dict[str, tuple[str, Any]] = {
    "--name": ("trial", "trial"),
    "--seed": ("7", 7),
    "--epochs": ("3", 3),
    "--batch-size": ("16", 16),
    "--learning-rate": ("1e-4", 1e-4),
    "--data-dir": ("images", "images"),
    "--output-dir": ("out", "out"),
    "--optimizer": ("Adam", "Adam"),
    "--scheduler": ("StepLR", "StepLR"),
    "--scheduler-interval": ("step", "step"),
    "--mixed-precision": ("", True),
    "--allow-nonfinite": ("", True),
    "--debug": ("", True),
    "--launcher": ("local", "local"),
    "--nproc": ("1", 1),
    "--nodes": ("1", 1),
    "--num-gpus": ("2", 2),
    "--partition": ("gpu", "gpu"),
    "--queue": ("long", "long"),
    "--walltime": ("24:00", "24:00"),
    "--memory": ("64", 64),
}


def resolved(project: Project, *argv: str, config: str = "run.yaml") -> dict[str, Any]:
    """The config that `regtrain run` would train, as canonical key → value."""
    from regtrain.cli import SETTINGS
    from regtrain.cli.run import _request

    context = run.make_context(
        "run", [str(project.folder / config), *argv], token_normalize_func=SETTINGS["token_normalize_func"]
    )  # type: ignore[arg-type]
    with context:
        request = _request({k: v for k, v in context.params.items() if k not in ("as_json", "dry_run")})
    found = load(request.config, overrides=request.overrides, flags=request.flags, section=request.section)
    return {key: entry["value"] for key, entry in to_flat(found).items()}


@pytest.mark.parametrize("flag", VALUES)
def test_a_flag_lands_on_its_key(flag: str, project: Project) -> None:
    """A flag sets its key, spelled with `-` or `_`, and nothing else but what a new optimizer brings along."""
    text, value = VALUES[flag]
    project.config(scheduler={"name": "CosineAnnealingLR"})
    key = FLAGS[flag.removeprefix("--").replace("-", "_")]
    before = resolved(project)
    for spelled in {flag, "--" + flag.removeprefix("--").replace("-", "_")}:
        after = resolved(project, *[word for word in (spelled, text) if word])
        assert after[key] == value
        assert {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)} <= {key}


def test_every_flag_of_a_key_is_tested_and_explained() -> None:
    """The flags that set a key are those tested here, and `config explain` names the same ones."""
    assert {f"--{name.replace('_', '-')}" for name in FLAGS} == set(VALUES)
    assert {key: f"--{name.replace('_', '-')}" for name, key in FLAGS.items()} == {
        key: flag for key, flag in EXPLAINED.items() if key in FLAGS.values()
    }


def test_run_and_plan_take_the_same_options() -> None:
    """What can be run can be planned: `plan` lacks --dry-run only."""
    options = [{name for p in command.params for name in p.opts if name.startswith("-")} for command in (run, plan)]
    assert options[0] - options[1] == {"--dry-run"}
    assert options[1] <= options[0]


def test_arguments_of_optimizer_and_scheduler(project: Project) -> None:
    """Several words after --optimizer-args and --scheduler-args are arguments; numbers are numbers."""
    found = resolved(
        project,
        "--optimizer", "SGD", "--optimizer-args", "momentum=0.9", "weight_decay=1e-4",
        "--scheduler", "StepLR", "--scheduler-args", "step_size=10", "gamma=0.5", "--scheduler-interval", "epoch",
        "training.epochs=9",
    )  # fmt: skip
    wanted = {
        "optimizer.name": "SGD",
        "optimizer.args.momentum": 0.9,
        "optimizer.args.weight_decay": 1e-4,
        "scheduler.name": "StepLR",
        "scheduler.args.step_size": 10,
        "scheduler.args.gamma": 0.5,
        "scheduler.interval": "epoch",
    }
    assert {key: found.get(key) for key in wanted} == wanted


def test_the_arguments_reach_the_optimizer(project: Project) -> None:
    """What the flags say is what trains: the learning rate halves after each epoch."""
    result = project.train(
        "--optimizer", "SGD", "--optimizer-args", "momentum=0.9", "--learning_rate", "0.2",
        "--scheduler", "StepLR", "--scheduler-args", "step_size=1", "gamma=0.5", "--epochs", "3",
    )  # fmt: skip
    assert result["epochs"] == 3
    config = project("models", "show", "tiny", "--json").json()["config"]
    assert config["optimizer"]["args"] == {"momentum": 0.9}
    assert result["metrics"]["train/lr"] == pytest.approx(0.2 * 0.5**2)


def test_another_optimizer_drops_the_arguments_of_the_old_one(project: Project) -> None:
    """--optimizer replaces the config's optimizer with its arguments; the learning rate stays."""
    project.config(optimizer={"name": "AdamW", "lr": 0.1, "betas": [0.8, 0.9]})
    found = resolved(project, "--optimizer", "SGD")
    assert found["optimizer.name"] == "SGD"
    assert not [key for key in found if key.startswith("optimizer.args.")]


def test_the_config_can_be_an_option(project: Project) -> None:
    """`--config FILE` is the same as FILE; what stands after it are overrides."""
    planned = project("plan", "--config", "run.yaml", "batch_size=4", "--json")
    assert planned.json()["choices"]["training.batch_size"]["value"] == 4
    assert project("plan", "batch_size=4", "--config", "run.yaml", "--json").json() == planned.json()
    assert "--config" not in project("run", "--help").out


def test_a_section_is_chosen(project: Project) -> None:
    """--section takes one stage of a config that has several."""
    parts = dict.fromkeys(("training", "optimizer"))
    stages = {name: {"training": {"epochs": n, "batch_size": 8}} for n, name in enumerate(("retrieval", "ranking"), 1)}
    project.config(**parts, **stages)
    assert resolved(project, "--section", "ranking")["training.epochs"] == 2
    said = project("run", "run.yaml", "--json")
    assert said.code == 2
    assert "ranking" in f"{said.error()}"
    assert project.train("--section", "retrieval")["epochs"] == 1


def test_overrides_come_last(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command line over environment over file."""
    assert resolved(project)["training.batch_size"] == 8
    monkeypatch.setenv("REGTRAIN_BATCH_SIZE", "16")
    assert resolved(project)["training.batch_size"] == 16
    assert resolved(project, "--batch-size", "32")["training.batch_size"] == 32
    assert resolved(project, "batch_size=64")["training.batch_size"] == 64


PLAIN = st.lists(st.sampled_from(["--epochs", "3", "a=1", "run.yaml", "--json", "-v", "x=-1"]), max_size=5)


@given(before=PLAIN, after=PLAIN, pairs=st.lists(st.sampled_from(["a=1", "b=x", "c=-2", "d="]), min_size=1))
def test_spreading_keeps_every_word(before: list[str], after: list[str], pairs: list[str]) -> None:
    """Words are kept in order, and each pair after a greedy option gets an option of its own."""
    tail = ["--json", *after]
    for greedy in GREEDY:
        for spelled in (greedy, "--" + greedy.removeprefix("--").replace("-", "_")):
            spread_out = spread([*before, spelled, *pairs, *tail])
            assert spread_out == [*before, *(word for pair in pairs for word in (greedy, pair)), *tail]
            assert spread([*before, f"{spelled}={pairs[0]}", *tail]) == [*before, greedy, pairs[0], *tail]
    assert spread(["--", *GREEDY, *pairs]) == ["--", *GREEDY, *pairs]


@pytest.mark.parametrize("rest", [[], ["--epochs", "3"], ["run.yaml"]])
def test_spreading_wants_a_pair(rest: list[str]) -> None:
    """A greedy option without key=value is a mistake, not nothing."""
    with pytest.raises(click.UsageError, match="KEY=VALUE"):
        spread(["--optimizer-args", *rest])


def test_debug_registers_nothing(project: Project) -> None:
    """--debug runs one batch through every stage and registers nothing."""
    said = project("run", "run.yaml", "--debug", "--json")
    assert said.code == 0
    assert (said.json()["steps"], said.json()["version"]) == (1, None)
    assert [run["status"] for run in project.runs()] == ["finished"]
    assert Path(said.json()["run_dir"]).is_dir()
