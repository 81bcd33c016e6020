"""Exports from the command line and from a config: what is kept, what is refused, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import regtrain.run.export as exporting
from regtrain.errors import RegtrainError
from regtrain.export.__main__ import main
from regtrain.run_dir.codec import read_json
from regtrain_registry import FileToStore, Recipe, Registration, Registry
from regtrain_registry.domain.records import ArtifactKind
from support.cli.projects import Project, make_project
from support.every import for_every
from support.registry.blank import make_registry
from support.small_runs import differences

BRANCHING = """\
import torch
from torch import nn


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.ways = {True: torch.sin, False: torch.cos}

    def forward(self, inputs):
        found = self.layer(inputs)
        if found.sum() > 0:
            return self.ways[True](found)
        return self.ways[False](found)


def build():
    return Branching()
"""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both sides of an export in this process, which has loaded torch already; the list names each that has run."""
    ran: list[str] = []

    def process(work: Path, *words: str) -> None:
        ran.append(words[0] if words else "make")
        code = main([*words, str(work)])
        if code:
            facts = read_json(work / exporting.PROBLEM)
            kind = type("ExportProblem", (RegtrainError,), {"code": facts["code"], "exit_code": code})
            raise kind(facts["message"], facts["hint"])

    monkeypatch.setattr(exporting, "run_process", process)
    monkeypatch.setattr("regtrain.export.arrays.SECONDS", 0.0)
    return ran


def test_a_version_is_exported_and_the_report_kept(project: Project) -> None:
    """The file computes the same, the report is with the version and in its card, and a gate that asks for it opens."""
    project.train()
    project.write("gates.yaml", "exports: [torchscript]\n")
    before = project("models", "promote", "tiny", "production", "--gates", "gates.yaml")
    assert before.code == 1, before.err
    said = project("models", "export", "tiny@1.0.0", "--format", "TorchScript", "-o", "tiny.pt", "--json")
    assert said.code == 0, said.err
    report = said.json()["report"]
    assert (said.json()["ref"], said.json()["format"], said.json()["file"]) == ("tiny@1.0.0", "torchscript", "tiny.pt")
    assert report["samples"] == "the run's validation data"
    assert report["batch_sizes"] == [1, 2, 7, 8]
    assert (report["max_absolute"], report["argmax_agreement"]) == (0.0, 1.0)
    assert report["latency_ms"]["32"]["export"]["low"] <= report["latency_ms"]["32"]["export"]["median"]
    (kept,) = project("models", "show", "tiny", "--json").json()["exports"]
    assert (kept["format"], kept["passed"], kept["report"]) == ("torchscript", True, report)
    assert "## Exports" in project("models", "card", "tiny").out
    assert project("models", "promote", "tiny", "production", "--gates", "gates.yaml").code == 0
    extra = {"metadata.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.load(str(project.folder / "tiny.pt"), _extra_files=extra)  # type: ignore[no-untyped-call]
    about = json.loads(extra["metadata.json"])
    assert (about["model"], about["version"], about["inputs"], about["outputs"]) == (
        "tiny",
        "1.0.0",
        "inputs",
        "output",
    )
    assert about["digest"] == project("models", "show", "tiny", "--json").json()["digest"]
    assert model(torch.zeros(5, 3)).shape == (5, 2)
    assert [path.name for path in project.folder.glob(".tiny.pt*")] == []


def test_an_export_that_is_not_recorded_leaves_no_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry fails after the file was made; and a file that came to the place meanwhile is not replaced."""
    project.train()

    def refuse(*facts: Any, **more: Any) -> Any:
        raise RegtrainError("the registry is read-only", "ask for it")

    argv = ("models", "export", "tiny", "--format", "pytorch", "-o", "tiny.pth")
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "record", refuse)
        assert "read-only" in project(*argv).err
    assert not (project.folder / "tiny.pth").exists()
    run = exporting.run_process

    def while_another_writes(work: Path, *words: str) -> None:
        run(work, *words)
        (project.folder / "tiny.pth").write_text("of another program")

    monkeypatch.setattr(exporting, "run_process", while_another_writes)
    said = project(*argv)
    assert (said.code, "exists" in said.err) == (2, True), said.err
    assert (project.folder / "tiny.pth").read_text() == "of another program"


def test_checkpoints_and_runs_are_exported(trained: tuple[Project, dict[str, Any]]) -> None:
    """By their folders, nothing is recorded."""
    project, result = trained
    for number, name in enumerate((result["run_dir"], f"{result['run_dir']}/checkpoints/best")):
        said = project("checkpoints", "export", name, "--format", "safetensors", "-o", f"{number}.safetensors")
        assert said.code == 0, said.err
        assert "checked: 4 tensors, bit by bit" in said.out
    one, other = (load_file(project.folder / f"{number}.safetensors") for number in range(2))
    assert differences(one, other) == []
    assert project("models", "show", "tiny", "--json").json()["exports"] == []


BAD: list[tuple[list[str], int, str]] = [
    (["--format", "torchscrpt", "-o", "x.pt"], 2, "nearest: torchscript"),
    (["--format", "openvino", "-o", "x.xml"], 5, "needs the package 'openvino'"),
    (["--format", "onnx", "--opset", "3", "-o", "x.onnx"], 2, "there is no opset 3; there are 7 to 26"),
    (["--format", "torchscript", "--opset", "18", "-o", "x.pt"], 2, "takes no 'opset'"),
    (["--format", "torchscript", "--arg", "mode=quick", "-o", "x.pt"], 2, "there are: auto, trace, script"),
    (["--format", "pytorch", "-o", "run.yaml"], 2, "run.yaml exists"),
    (["--format", "pytorch", "-o", "nowhere/x.pth"], 2, "there is no folder"),
    (["--format", "pytorch", "-o", "/proc/x.pth"], 5, "cannot be written"),
    (["--format", "pytorch", "-o", "x.pth", "--input-shape", "a,b"], 2, "write the sides of one sample"),
    (["--format", "pytorch", "-o", "x.pth", "--dtype", "int64"], 2, "add --input-shape"),
    (["--format", "pytorch", "-o", "x.pth", "--dynamic", "inputs"], 2, "write NAME:AXIS=WORD"),
    (["--format", "torchscript", "-o", "x.pt", "--dynamic", "x:1=time"], 2, "no input has this name"),
    (
        ["--format", "torchscript", "-o", "x.pt", "--input-shape", "5"],
        2,
        "cannot be called with random numbers of the given",
    ),
    (["--format", "torchscript", "-o", "x.pt", "--input-shape", "3", "--dtype", "floaty"], 2, "torch has no such type"),
]


@for_every(BAD)
def test_bad_input(case: tuple[list[str], int, str], trained: tuple[Project, dict[str, Any]]) -> None:
    """One error with the right code; no file is left, nothing is recorded."""
    (words, code, text), project = case, trained[0]
    said = project("models", "export", "tiny", *words)
    assert (said.code, text in said.err) == (code, True), said
    assert not [path.name for path in project.folder.iterdir() if path.name.startswith(("x.", ".x."))]
    assert project("models", "show", "tiny", "--json").json()["exports"] == []


def test_a_model_that_no_format_holds(project: Project) -> None:
    """Exit code 1 with the line; the version is as before, also where the config asked for the export."""
    project.write("model.py", BRANCHING)
    project.config(export=["torchscript", "pytorch"])
    said = project("run", "run.yaml", "--json")
    assert said.code == 1
    assert "export to torchscript failed" in said.err
    assert "model.py:13" in said.err
    result = said.json()
    assert (result["status"], result["version"]) == ("finished", "1.0.0")
    assert [one["format"] for one in result["exports"]] == ["pytorch"]
    before = project("models", "show", "tiny", "--json").out
    alone = project("models", "export", "tiny", "--format", "torch-export", "-o", "x.pt2")
    assert alone.code == 1
    assert "the way that the code takes depends on the data" in alone.err
    assert "model.py:13" in alone.err
    assert project("models", "show", "tiny", "--json").out == before
    assert not (project.folder / "x.pt2").exists()


def test_exports_of_a_config_are_made_once(project: Project, here: list[str]) -> None:
    """Files are in the run folder and with the version; reading the run in again makes none anew."""
    project.config(export={"formats": ["TorchScript", "pytorch"], "options": {"TorchScript": {"mode": "trace"}}})
    planned = project("plan", "run.yaml", "--json").json()["choices"]["export.formats"]
    assert planned["value"] == ["torchscript", "pytorch"]
    result = project.train()
    assert [(one["format"], Path(one["file"]).name) for one in result["exports"]] == [
        ("pytorch", "tiny-pytorch.pth"),
        ("torchscript", "tiny-torchscript.pt"),
    ]
    assert here == ["make", "--check"] * 2
    again = project("runs", "sync", result["run_dir"], "--json")
    assert again.code == 0, again.err
    assert len(here) == 4


REFUSED_PLANS: list[tuple[Any, int, str]] = [
    (["onx"], 2, "no exporter is called 'onx'; nearest: onnx"),
    (["openvino"], 5, "needs the package 'openvino'"),
    ({"formats": ["onnx"], "options": {"onnx": {"opset": 3}}}, 2, "there is no opset 3"),
    ({"formats": ["onnx"], "options": {"pytorch": {}}}, 2, "'pytorch' is not among export.formats"),
]


@for_every(REFUSED_PLANS)
def test_plans_refuse_what_cannot_be_exported(
    case: tuple[Any, int, str], trained: tuple[Project, dict[str, Any]]
) -> None:
    """Before anything is trained."""
    (export, code, text), project = case, trained[0]
    project.config("asks.yaml", export=export)
    said = project("run", "asks.yaml")
    assert (said.code, text in said.err) == (code, True), said
    assert len(project.run_folders()) == 1


def test_a_version_without_signature_and_data(project: Project) -> None:
    """It says what is missing and how to give it; given, the export is compared on random numbers."""
    result = project.train()
    registry = Registry()
    config = {"model": {"name": "mlp", "args": {"in_features": 3, "out_features": 2, "hidden": [4]}}}
    weights = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(4, 2)
    )
    save_file(weights.state_dict(), project.folder / "w.safetensors")
    files = (FileToStore(project.folder / "w.safetensors", "model.safetensors", ArtifactKind.WEIGHTS),)
    registry.register(Registration("bare", files, Recipe(config=config), config=config))
    words = ("models", "export", "bare", "--format", "torchscript", "-o", "bare.pt")
    said = project(*words)
    assert said.code == 2
    assert "has no signature of its inputs" in said.err
    assert "--input-shape 1,28,28 --dtype float32" in said.err
    given = project(*words, "--input-shape", "3", "--json")
    assert given.code == 0, given.err
    assert given.json()["report"]["samples"] == "random numbers of the given shapes"
    weights_alone = project("models", "export", "bare", "--format", "pytorch", "-o", "bare.pth")
    assert weights_alone.code == 0, weights_alone.err
    assert result["version"] == "1.0.0"


def test_code_that_has_changed_or_came_from_elsewhere(tmp_path: Path) -> None:
    """Changed code of a run folder is an integrity error; that of an archive needs --trust-code."""
    home, away = make_project(tmp_path / "home"), make_project(tmp_path / "away")
    result = home.train()
    home("models", "export-archive", "tiny", "-o", "tiny.rta")
    there: Callable[..., Any] = make_registry(away.folder / ".regtrain" / "registry.db").import_archive
    there(home.folder / "tiny.rta")
    words = ("models", "export", "tiny", "--format", "torchscript", "-o", "x.pt", "--json")
    said = away(*words)
    assert (said.code, said.error()["code"]) == (2, "untrusted_code")
    trusted = away(*words, "--trust-code")
    assert trusted.code == 0, trusted.err
    code = Path(result["run_dir"]) / "code" / "model.py"
    text = code.read_text() + "# changed\n"
    code.chmod(0o600)
    code.unlink()
    code.write_text(text)
    changed = home("checkpoints", "export", result["run_dir"], "--format", "pytorch", "-o", "x.pth", "--json")
    assert (changed.code, changed.error()["code"]) == (4, "code_changed")


@pytest.mark.slow
def test_whole_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX from the command line; the process that checks loads neither torch nor the user's code."""
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    project = make_project(tmp_path)
    project.train()
    kept: list[Path] = []
    remove = exporting.shutil.rmtree
    monkeypatch.setattr(exporting.shutil, "rmtree", lambda path, **options: kept.append(Path(path)))
    said = project("models", "export", "tiny", "--format", "onnx", "--opset", "18", "-o", "tiny.onnx", "--json")
    monkeypatch.setattr(exporting.shutil, "rmtree", remove)
    assert said.code == 0, said.err
    assert said.json()["report"]["max_absolute"] < 1e-5
    work = next(path for path in kept if (path / "made.json").is_file())
    program = (
        "import sys; from regtrain.export.__main__ import main; code = main(sys.argv[1:]);"
        "print([name for name in sys.modules if name == 'torch' or 'targets.user.' in name]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--check", str(work)], cwd=work, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
