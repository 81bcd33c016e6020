"""The example that serves an ONNX file, in an environment that has no torch."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regtrain.types import ExportFacts, Sample
from regtrain_plugins.exporters.onnx import Onnx

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve-onnx" / "serve.py"
NEEDED = ("numpy", "numpy.libs", "onnxruntime", "google", "flatbuffers", "packaging")


def bare_python(folder: Path) -> Path:
    """A Python with onnxruntime and what it imports, and nothing else of this environment."""
    venv.create(folder / "venv", symlinks=True, with_pip=False)
    links = folder / "packages"
    links.mkdir()
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    site = Path(spec.origin).parents[1]
    for name in NEEDED:
        if (site / name).exists():
            (links / name).symlink_to(site / name)
    (own,) = (folder / "venv").glob("lib/python*/site-packages")
    (own / "links.pth").write_text(f"{links}\n", encoding="utf-8")
    return folder / "venv" / "bin" / "python"


def ask(url: str, request: Any = None) -> tuple[int, Any]:
    data = None if request is None else json.dumps(request).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, data, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.load(problem)


@pytest.mark.slow
def test_predictions_from_the_file_alone(tmp_path: Path) -> None:
    """They are the model's, with the names of its classes; wrong requests get an answer that says what is wanted."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2).eval()
    facts = ExportFacts(("scores",), {"model": "digits", "version": "1.0.0", "labels": "odd,even"})
    sample = Sample((torch.randn(2, 3),), ("inputs",), {"inputs": {0: "batch"}})
    Onnx().export(model, sample, tmp_path / "digits.onnx", facts)
    python = bare_python(tmp_path)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    without = subprocess.run([python, "-c", "import torch"], env=environment, capture_output=True, check=False)
    assert without.returncode == 1
    command = [python, EXAMPLE, tmp_path / "digits.onnx", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            status, about = ask(url)
            assert (status, about["version"], about["inputs"]["inputs"]["shape"]) == (200, "1.0.0", ["batch", 3])
            rows = torch.randn(4, 3)
            with torch.no_grad():
                expected = model(rows)
            status, found = ask(url, {"inputs": rows.tolist()})
            assert status == 200
            assert torch.allclose(torch.tensor(found["scores"]), expected, atol=1e-5)
            assert found["labels"] == [("odd", "even")[number] for number in expected.argmax(1)]
            for wrong, said in (
                ({"x": []}, "give inputs"),
                ({"inputs": [[1, 2]]}, "is wanted"),
                ({"inputs": [["a", 2, 3]]}, "could not convert"),
                ([1], "give inputs"),
            ):
                status, found = ask(url, wrong)
                assert (status, said in found["error"]) == (400, True), found
        finally:
            server.kill()
    assert sys.executable != str(python)
