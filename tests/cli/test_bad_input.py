"""What is known to be wrong before a run starts: one clear error, the right exit code, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cli.projects import Project


def refused(project: Project, *argv: str | Path) -> dict[str, Any]:
    """Run it; assert that it was refused whole: one error, no output, no folder, no record. The error, and its exit
    code as `exit_code`."""
    said = project("run", *argv, "--json")
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1, said.err
    assert project.run_folders() == []
    if (project.folder / ".regtrain").exists():
        assert project.runs() == []
    assert said.error()["message"]
    return {**said.error(), "exit_code": said.code}


def test_no_config(project: Project) -> None:
    """A config that is missing is named, with what lies beside it."""
    error = refused(project, "rum.yaml")
    assert (error["exit_code"], error["code"]) == (2, "config_file")
    assert "rum.yaml" in error["message"]
    assert "run.yaml" in error["hint"]


def test_no_argument(project: Project) -> None:
    """Without a config the argument is asked for."""
    error = refused(project)
    assert (error["exit_code"], error["code"]) == (2, "usage")
    assert "CONFIG" in error["message"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_a_config_that_is_no_file(make: Callable[[Path], None], project: Project) -> None:
    """A folder or a FIFO as config is refused and not waited for."""
    make(project.folder / "odd.yaml")
    error = refused(project, "odd.yaml")
    assert (error["exit_code"], error["code"]) == (2, "config_file")
    assert "odd.yaml" in error["message"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00 not text", b"a: [1\n", b"- 1\n", b"a: 1\na: 2\n"], ids=["bytes", "yaml", "list", "twice"]
)
def test_a_config_that_cannot_be_read(content: bytes, project: Project) -> None:
    """What is no YAML mapping is refused with its name."""
    (project.folder / "odd.yaml").write_bytes(content)
    error = refused(project, "odd.yaml")
    assert error["exit_code"] == 2
    assert "odd.yaml" in error["message"]


@pytest.mark.parametrize(
    ("sections", "word", "near"),
    [
        ({"model": {"name": "simple_cn"}}, "simple_cn", "simple_cnn"),
        ({"data": {"name": "digitz"}}, "digitz", "digits"),
        ({"optimizer": {"name": "AdmaW"}}, "AdmaW", "AdamW"),
        ({"scheduler": {"name": "StepRL"}}, "StepRL", "StepLR"),
        ({"launcher": {"name": "locall"}}, "locall", "local"),
        ({"experiment": {"task": "clasification"}}, "clasification", "classification"),
        ({"evaluation": {"evaluator": {"name": "regresion"}}}, "regresion", "regression"),
        ({"trackers": {"jsonll": {"enabled": True}}}, "jsonll", "jsonl"),
    ],
)
def test_an_unknown_name_offers_the_nearest(sections: dict[str, Any], word: str, near: str, project: Project) -> None:
    """A name that no plugin offers is named with those spelled most like it."""
    project.config(**sections)
    error = refused(project, "run.yaml")
    assert (error["exit_code"], error["code"]) == (2, "unknown_name")
    assert word in error["message"]
    assert near in error["message"]


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--batch-size", "0"], "--batch-size"),
        (["training.batch_size=0"], "training.batch_size"),
        (["--learning-rate", "nan"], "--learning-rate"),
        (["--learning-rate", "-1"], "--learning-rate"),
        (["optimizer.lr=inf"], "optimizer.lr"),
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "2.5"], "--epochs"),
        (["--seed", "-1"], "--seed"),
        (["training.epoks=3"], "training.epochs"),
        (["training.epochs=three"], "training.epochs"),
        (["--walltime", "soon"], "--walltime"),
        (["--scheduler-interval", "batch"], "epoch"),
        (["--num-gpus", "2"], "launcher.num_gpus"),
        (["distributed.zero_stage=2"], "distributed.zero_stage"),
        (["distributed.sharding_strategy=FULL_SHARD"], "distributed.sharding_strategy"),
        (["registry.model=Not A Name"], "Not A Name"),
        (["registry.version=1.2"], "1.2"),
        (["registry.version=1.0.0", "registry.bump=major"], "registry.bump"),
        (["words"], "words"),
        (["other.yaml"], "other.yaml"),
        (["--config", "other.yaml"], "run.yaml"),
        (["--optimizer-args", "--epochs", "1"], "--optimizer-args"),
        (["--scheduler-args"], "--scheduler-args"),
        (["--resume", "nonsense"], "nonsense"),
        (["--resume", "tiny@1.0.0"], "no model 'tiny'"),
        (["--resume", "model.py"], "model.py"),
        (["--resume", "."], "checkpoint"),
        (["--no-such-flag"], "--no-such-flag"),
        (["training.device=cuda", "--epochs", "0"], "--epochs"),
        (["evaluation.save_predictions=true"], "evaluation.save_predictions"),
        (["checkpoint.save_dir=../../elsewhere"], "checkpoint.save_dir"),
        (["checkpoint.save_dir=/tmp/elsewhere"], "checkpoint.save_dir"),
        (["logging.log_dir=logs/../.."], "logging.log_dir"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_value_is_named(argv: list[str], word: str, project: Project) -> None:
    """A value, word or flag that cannot be meant is named where it was given, with exit code 2."""
    error = refused(project, "run.yaml", *argv)
    assert error["exit_code"] == 2
    assert word in f"{error['message']} {error['hint']}"


@pytest.mark.parametrize("key", ["model", "data", "training", "training.epochs"])
def test_what_a_run_needs_is_asked_for(key: str, project: Project) -> None:
    """A run without model, data or end says what is missing and what there is."""
    project.config(**({"training": {"batch_size": 8}} if key == "training.epochs" else {key: None}))
    error = refused(project, "run.yaml")
    assert (error["exit_code"], error["code"]) == (2, "missing_key")
    assert key in error["message"]


@pytest.mark.parametrize("place", ["model.py/inside", "/proc/inside"])
def test_an_output_folder_that_cannot_be_written(place: str, project: Project) -> None:
    """An output folder that cannot be made is the machine's fault: exit code 5 and the flag that helps."""
    error = refused(project, "run.yaml", "--output-dir", place)
    assert (error["exit_code"], error["code"]) == (5, "environment")
    assert "--output-dir" in error["hint"]
    assert place.rsplit("/", maxsplit=1)[-1] in error["message"]


@pytest.mark.parametrize(
    ("uri", "exit_code"),
    [
        ("sqlite:////proc/inside/registry.db", 5),
        ("sqlite:///model.py/registry.db", 5),
        ("sqlite:///model.py", 5),
        ("sqlite://", 2),
        ("nothing://somewhere", 2),
        ("no url at all", 2),
    ],
)
def test_a_registry_that_cannot_be_opened(uri: str, exit_code: int, project: Project) -> None:
    """A registry that cannot be opened stops the run before it trains."""
    said = project("run", "run.yaml", f"registry.uri={uri}", "--json")
    assert said.code == exit_code, said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert said.error()["hint"]
    assert project.run_folders() == []


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("./../elsewhere.py:build", "outside"),
        ("/etc/model.py:build", "outside"),
        ("./link.py:build", "outside"),
        ("./linked/model.py:build", "outside"),
        ("./model.py:os.system", "no target"),
        ("./model.py", "no target"),
        ("./model.py:", "no target"),
        ("./nothing.py:build", "nothing.py"),
        ("./model.py:biuld", "build"),
        ("./model.py:__import__('os')", "no target"),
        ("os;system:f", "no module"),
        ("./wrong.py:build", "wrong.py:2"),
        ("./folder.py:build", "no file"),
        ("./a\0b.py:build", "no target"),
    ],
)
def test_a_target_that_is_not_beside_the_config(target: str, word: str, project: Project, tmp_path: Path) -> None:
    """A target names a function of a file inside the config's folder, links followed, or it is refused unrun."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "model.py").write_text("raise SystemExit('was run')\ndef build(): ...\n")
    (project.folder / "link.py").symlink_to(outside / "model.py")
    (project.folder / "linked").symlink_to(outside)
    (project.folder / "folder.py").mkdir()
    project.write("wrong.py", "import os\ndef build(:\n    pass\n")
    project.config(model={"target": target})
    error = refused(project, "run.yaml")
    assert error["exit_code"] == 2
    assert "model.target" in error["message"]
    assert word in f"{error['message']} {error['hint']}"


@pytest.mark.parametrize("target", ["os:system", "subprocess:run", "torch.nn:Linear"])
def test_an_installed_package_needs_permission(target: str, project: Project) -> None:
    """A target in an installed package is refused with the flag that would allow it."""
    project.config(model={"target": target})
    error = refused(project, "run.yaml")
    assert (error["exit_code"], error["code"]) == (2, "import_not_allowed")
    package = target.partition(":")[0].partition(".")[0]
    assert f"--allow-import {package}" in error["hint"]
    refused(project, "run.yaml", "--allow-import", "another")


def test_an_installed_package_that_was_allowed(project: Project) -> None:
    """With --allow-import the package's own factory builds the model."""
    project.config(model={"target": "torch.nn:Linear", "in_features": 3, "out_features": 2})
    assert project.train("--allow-import", "torch")["status"] == "finished"


def test_a_function_under_a_condition_is_found(project: Project) -> None:
    """A factory that the file defines under `if` or `try`, or imports by star, is there."""
    project.write(
        "early.py", "try:\n    import nothing_by_that_name\nexcept ImportError:\n    from model import build\n"
    )
    project.write("late.py", "from model import *\n")
    for name in ("early", "late"):
        project.config(model={"target": f"./{name}.py:build"})
        assert project("plan", "run.yaml").code == 0
        assert project.train()["status"] == "finished"


def test_a_plain_error_has_two_lines(project: Project) -> None:
    """Without --json an error is a line of what is wrong and a line of what to do; -v adds the trace."""
    said = project("run", "run.yaml", "--batch-size", "0")
    assert said.out == ""
    first, second = said.err.strip().splitlines()
    assert first.startswith("error: --batch-size")
    assert second.startswith("  ")
    assert "Traceback" in project("run", "run.yaml", "--batch-size", "0", "-v").err
