"""`regtrain.log` and its siblings from user code: records and files of the run."""

from __future__ import annotations

import csv
import json
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import regtrain
from regtrain.errors import ConfigValueError, OutsideOfRunError
from regtrain.run_dir.logger import RunLogger, activated
from regtrain.run_dir.records import RecordWriter, read_records
from support.cli.projects import Project


class At:
    """A training at a step."""

    step = 7
    epoch = 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.fixture
def logger(folder: Path) -> Iterator[RunLogger]:
    events = RecordWriter(folder / "logs/events.jsonl")
    with activated(RunLogger(folder, folder / "logs", events)) as made:
        made.follow(At())
        yield made
    events.close()


def metrics(folder: Path) -> list[dict[str, Any]]:
    found = list(read_records(folder / "logs/metrics.jsonl"))
    assert all(record.pop("time") > 1e9 for record in found)
    return found


def events(folder: Path) -> list[dict[str, Any]]:
    return list(read_records(folder / "logs/events.jsonl"))


def test_numbers_of_every_kind(logger: RunLogger, folder: Path) -> None:
    """Python's, NumPy's and torch's numbers, what is not finite among them, with the current step or the given one."""
    regtrain.log({"a": 0.1, "b/c": 2, "on": True, 'quo"te ü': np.float32(0.5), "t": torch.tensor([3.0])})
    regtrain.log({"a": math.nan, "b": -math.inf, "huge": 10**30}, step=3)
    first, second = metrics(folder)
    assert first == {"step": 7, "epoch": 2, "a": 0.1, "b/c": 2, "on": 1, 'quo"te ü': 0.5, "t": 3.0}
    assert (second["step"], second["b"], second["huge"]) == (3, -math.inf, 1e30)
    assert math.isnan(second["a"])


def test_what_cannot_be_logged(logger: RunLogger, folder: Path) -> None:
    """One clear error each, and nothing is written."""
    wrong = []
    for call in (
        lambda: regtrain.log({"a": "text"}),
        lambda: regtrain.log({"a": None}),
        lambda: regtrain.log({"step": 1.0}),
        lambda: regtrain.log({"system/cpu": 1.0}),
        lambda: regtrain.log({"": 1.0}),
        lambda: regtrain.log({"a\nb": 1.0}),
        lambda: regtrain.log({5: 1.0}),  # type: ignore[dict-item]
        lambda: regtrain.log({"a" * 251: 1.0}),
        lambda: regtrain.log({"a": 1.0}, step=-1),
        lambda: regtrain.log({"a": 1.0}, step=1.5),  # type: ignore[arg-type]
        lambda: regtrain.log_figure("f", "no/such.png"),
        lambda: regtrain.log_figure("f", __file__),
        lambda: regtrain.log_figure("f", np.zeros((2, 3, 5))),
        lambda: regtrain.log_figure("f", object()),
        lambda: regtrain.log_table("t", []),
        lambda: regtrain.log_table("t", [{"a": 1}, [1]]),
        lambda: regtrain.log_table("t", [1]),
        lambda: regtrain.log_histogram("h", [math.nan]),
    ):
        try:
            call()
        except ConfigValueError:
            continue
        wrong.append(call)
    assert wrong == []
    assert metrics(folder) == []
    assert not (folder / "media").exists()


def test_outside_of_a_run(folder: Path) -> None:
    """A clear error before, after, and in a process that was forked; other ranks write nothing."""
    for function in (regtrain.log, regtrain.log_figure, regtrain.log_table, regtrain.log_histogram):
        with pytest.raises(OutsideOfRunError, match=f"regtrain.{function.__name__}\\(\\) was called outside of a run"):
            function(*[{"a": 1.0}] if function is regtrain.log else ["a", [1.0]])  # type: ignore[operator]
    with activated(RunLogger(None, folder / "logs", RecordWriter(None))):
        regtrain.log({"a": 1.0})
        regtrain.log_table("t", [{"a": 1}])
    assert list((folder / "logs").iterdir()) == []


def test_in_a_process_that_loads_data(logger: RunLogger, folder: Path) -> None:
    """It knows no step: an error, and no record."""
    child = os.fork()
    if child == 0:
        try:
            regtrain.log({"a": 1.0})
        except OutsideOfRunError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert metrics(folder) == []


def test_two_runs_in_one_process(folder: Path, tmp_path: Path, logger: RunLogger) -> None:
    """Each thread logs to its own run; one that belongs to none is told."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "logs").mkdir()
    errors: list[Exception] = []

    def train() -> None:
        with activated(RunLogger(other, other / "logs", RecordWriter(None))):
            regtrain.log({"mine": 2.0})
            regtrain_in_the_main_thread.release()
            go_on.acquire()

    def neither() -> None:
        try:
            regtrain.log({"x": 1.0})
        except OutsideOfRunError as problem:
            errors.append(problem)

    regtrain_in_the_main_thread, go_on = threading.Semaphore(0), threading.Semaphore(0)
    thread = threading.Thread(target=train)
    thread.start()
    regtrain_in_the_main_thread.acquire()
    regtrain.log({"mine": 1.0})
    third = threading.Thread(target=neither)
    third.start()
    third.join()
    go_on.release()
    thread.join()
    assert [record["mine"] for record in metrics(folder)] == [1.0]
    assert [record["mine"] for record in metrics(other)] == [2.0]
    assert "belongs to none" in str(errors[0])


def pixels(path: Path) -> Any:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image).tolist()


def test_figures(logger: RunLogger, folder: Path) -> None:
    """Matplotlib, PIL, a file, arrays and tensors become pictures that can be read."""
    from matplotlib.figure import Figure
    from PIL import Image

    (folder / "own.svg").write_text("<svg/>")
    regtrain.log_figure("matplotlib", Figure(figsize=(1, 1)))
    regtrain.log_figure("pil", Image.new("RGB", (3, 2)))
    regtrain.log_figure("file", folder / "own.svg")
    regtrain.log_figure("grey", np.array([[0, 255, 7]], dtype=np.uint8))
    regtrain.log_figure("colour", torch.tensor([[[0.0]], [[0.5]], [[1.0]]]), step=9)
    regtrain.log_figure("../../evil name", np.zeros((1, 1)))
    paths = [event["path"] for event in events(folder)]
    assert [Path(path).suffix for path in paths] == [".png", ".png", ".svg", ".png", ".png", ".png"]
    assert all((folder / path).parent == folder / "media" for path in paths)
    read = {event["name"]: folder / event["path"] for event in events(folder)}
    assert pixels(read["grey"]) == [[0, 255, 7]]
    assert pixels(read["colour"]) == [[[0, 128, 255]]]
    assert np.shape(pixels(read["pil"])) == (2, 3, 3)
    assert [(event["kind"], event["step"]) for event in events(folder)] == [("figure", s) for s in (7, 7, 7, 7, 9, 7)]
    assert sorted(path.name for path in (folder / "media").iterdir()) == sorted(Path(path).name for path in paths)


def test_tables_and_histograms(logger: RunLogger, folder: Path) -> None:
    """CSV from mappings and from sequences; counts between edges."""
    regtrain.log_table("maps", [{"a": 1, "b": "x,y"}, {"b": 2, "c": 3}])
    regtrain.log_table("rows", [("a", "b"), (1, 2)])
    regtrain.log_histogram("weights", torch.tensor([0.0, 1.0, 1.0, math.nan]), bins=2)
    one, two, three = (folder / event["path"] for event in events(folder))
    assert list(csv.reader(one.read_text().splitlines())) == [["a", "b", "c"], ["1", "x,y", ""], ["", "2", "3"]]
    assert two.read_text() == "a,b\n1,2\n"
    assert json.loads(three.read_text()) == {"edges": [0.0, 0.5, 1.0], "counts": [1, 2], "not_finite": 1}


def test_from_the_loss_of_a_run(project: Project) -> None:
    """Logged at each step with the step of the training, not while a step is tried out, and seen by a tracker."""
    project.write(
        "loss.py",
        "import regtrain\nfrom torch.nn.functional import cross_entropy\n\n\ndef build():\n"
        "    regtrain.log({'built': 1.0})\n    return loss\n\n\n"
        "def loss(outputs, labels):\n    found = cross_entropy(outputs, labels)\n    regtrain.log({'my/loss': found})\n"
        "    if outputs.requires_grad:\n        regtrain.log_histogram('outputs', outputs)\n    return found\n",
    )
    project.config(loss={"target": "./loss.py:build"}, training={"epochs": 1, "batch_size": 8}, trackers=["lines"])
    run_dir = Path(project.train()["run_dir"])
    records = list(read_records(run_dir / "logs/metrics.jsonl"))
    assert [record["step"] for record in records if "my/loss" in record] == [0, 1, 2]
    assert [record["step"] for record in records if "built" in record] == [0]
    lines = (run_dir / "records.txt").read_text()
    assert lines.count(" artifact outputs kind=histogram") == 2
    assert lines.count("my/loss=") == 3
