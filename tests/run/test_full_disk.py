"""A disk that is really full: a small tmpfs in a mount namespace of the process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli.projects import MODEL, Project
from support.run.gates import MAIN, PATIENCE

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_namespaces(), reason="no user namespaces here to mount a small disk in"),
]

# Mount, fill as asked, run, and bring out what is left: the mount goes with the namespace.
SCRIPT = """
mount -t tmpfs -o size="$1" tmpfs small || exit 99
shift
"$@"
code=$?
cp -a small/. left/
exit $code
"""

FILLS = """
import errno


class Filling:
    def __init__(self, rows):
        self.rows, self.seen = rows, 0

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        self.seen += 1
        if self.seen == 20:
            fill()
        return self.rows[index]


def fill():
    with open("small/filler", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as problem:
                assert problem.errno == errno.ENOSPC
"""


def run_on(project: Project, size: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """`regtrain run … --json` with run folders on a disk of this size; what is on it at the end is in `left/`."""
    for name in ("small", "left"):
        (project.folder / name).mkdir()
    command = [sys.executable, "-c", MAIN, "run", "run.yaml", "--output-dir", "small/runs", "--json", *argv]
    return subprocess.run(
        [*NAMESPACE, "sh", "-c", SCRIPT, "sh", size, *command],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    error: dict[str, str] = json.loads(done.stderr.strip().splitlines()[-1])["error"]
    return error


def left(project: Project) -> Path:
    (folder,) = (project.folder / "left/runs").iterdir()
    return folder


@pytest.mark.parametrize("wide", [40_000, 4_000_000], ids=["second", "first"])
def test_a_checkpoint_that_does_not_fit(wide: int, project: Project) -> None:
    """A checkpoint that does not fit ends the run: exit code 5, one error, no half checkpoint, the ones before whole."""
    project.write("model.py", MODEL)
    project.config(launcher=None, model={"target": "./model.py:build", "width": wide // 10})
    done = run_on(project, "600k", "checkpoint.every_n_epochs=1", "--epochs", "9")
    assert done.returncode == 5, done.stderr
    error = error_of(done)
    assert error["code"] == "environment"
    assert "No space left" in error["message"]
    assert "--output-dir" in error["hint"]
    (run,) = project.runs()
    assert (run["status"], run["version"]) == ("failed", None)
    outcome = json.loads((left(project) / "outcome.json").read_bytes())
    assert outcome["status"] == "failed"
    checkpoints = list((left(project) / "checkpoints").iterdir())
    assert not [path for path in checkpoints if path.name.startswith(".")]
    whole = [path for path in checkpoints if path.is_dir() and not path.is_symlink()]
    assert bool(whole) == (wide == 40_000)
    if whole:
        last = max(whole)
        epochs = json.loads((last / "manifest.json").read_bytes())["epoch"] + 1
        went_on = project.train("--resume", last, f"epochs={epochs}", "launcher.name=here")
        assert (went_on["status"], went_on["epochs"]) == ("finished", epochs)


def test_a_disk_that_is_full_to_the_last_byte(project: Project) -> None:
    """Where not even the outcome can be written, the run still fails with exit code 5 and is recorded as failed."""
    project.write("data.py", (project.folder / "data.py").read_text().replace(
        "return TensorDataset(inputs[:-8], labels[:-8])", "return Filling(TensorDataset(inputs[:-8], labels[:-8]))")
        + FILLS)  # fmt: skip
    project.config(launcher=None)
    done = run_on(project, "2m")
    assert done.returncode == 5, done.stderr
    assert error_of(done)["code"] == "environment"
    (run,) = project.runs()
    assert (run["status"], run["version"]) == ("failed", None)
    assert not list(left(project).rglob(".*"))


def test_a_run_folder_that_does_not_fit(project: Project) -> None:
    """Where the run folder cannot be begun, none stays behind and no run is recorded."""
    project.config(launcher=None)
    done = run_on(project, "8k")
    assert done.returncode == 5, done.stderr
    assert "No space left" in error_of(done)["message"]
    assert list((project.folder / "left/runs").iterdir()) == []
    assert project.runs() == []
