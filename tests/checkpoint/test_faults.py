"""Killed, full, broken and read-only disks: nothing acknowledged is lost, nothing half is taken for whole."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from regtrain.checkpoint.durable import tensor_chunks, write_chunks
from regtrain.checkpoint.folder import load_newest, read_checkpoint
from regtrain.checkpoint.keep import list_checkpoints
from regtrain.errors import CheckpointDamagedError
from support.programs import program

CHILD = program("checkpoint/save_and_die.py")


def rounds(folder: Path, how: str, stride: int) -> tuple[int, list[Path]]:
    """Let a fault strike every `stride`-th call of a save: how many calls a save makes, and the folders."""
    done = subprocess.run(
        [sys.executable, str(CHILD), str(folder), how, str(stride)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout), [path.with_suffix("") for path in folder.glob("*.said")]


def check(folder: Path) -> None:
    """What was acknowledged can be loaded, and everything that is listed is whole."""
    said = folder.with_suffix(".said").read_text()
    acknowledged = max((int(line.split()[1]) for line in said.splitlines() if line.startswith("saved")), default=0)
    for info in list_checkpoints(folder):
        read_checkpoint(info.path)
    _, state = load_newest(folder, lambda line: None)
    step = int(state["model"]["w"][0, 0])
    assert step >= acknowledged, folder
    assert torch.equal(state["optimizer"]["state"][0]["m"], torch.ones(3) * step)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "half", "ENOSPC"])
def test_a_sample_of_faults(tmp_path: Path, how: str) -> None:
    """Every seventh call of a save is the last one, or fails."""
    calls, folders = rounds(tmp_path, how, 7)
    assert calls > 20
    assert len(folders) > 3
    for folder in folders:
        check(folder)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["before", "after", "half", "ENOSPC", "EIO", "EROFS"])
def test_every_fault(tmp_path: Path, how: str) -> None:
    """The process dies at, or a fault strikes, every call of a save."""
    calls, folders = rounds(tmp_path, how, 1)
    assert len(folders) == calls + 1
    for folder in folders:
        check(folder)


def damaged(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def three(folder: Path) -> list[Path]:
    """Three checkpoints, all of them kept."""
    from regtrain.checkpoint.folder import Checkpoints
    from regtrain.checkpoint.keep import KeepPolicy

    checkpoints = Checkpoints(folder, KeepPolicy("val/loss", "min", every_n_steps=1))
    for step in (1, 2, 3):
        weights = {"w": torch.full((4, 4), float(step))}
        checkpoints.save(
            {"model": weights, "progress": {"step": step}}, step=step, epoch=step, epoch_end=True, metrics={}
        )
    checkpoints.wait()
    return [info.path for info in checkpoints.infos()]


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json", "manifest.json"])
def test_each_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    """One bit in any file of the newest checkpoint: a warning, and the one before it is used."""
    newest = three(tmp_path)[-1]
    size = (newest / name).stat().st_size
    step = max(1, size // 40)
    for at in range(0, size, step):
        whole = (newest / name).read_bytes()
        damaged(newest / name, at)
        warnings: list[str] = []
        path, _ = load_newest(tmp_path, warnings.append)
        if name == "manifest.json" and path == newest:
            # a bit of the metrics or times in the manifest changes no state; digests and names are what is checked
            read_checkpoint(newest)
        else:
            assert path.name == "step-00000002", at
            assert "step-00000003" in warnings[0]
        (newest / name).write_bytes(whole)


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def linked(file: Path) -> None:
    file.rename(file.parent.parent / "elsewhere")
    file.symlink_to(file.parent.parent / "elsewhere")


def sparse(file: Path) -> None:
    os.truncate(file, 1 << 40)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


@pytest.mark.parametrize("spoil", [fifo, linked, sparse, cut])
def test_files_are_looked_at_before_they_are_read(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A FIFO, which waits for ever, a link, and a terabyte of nothing are damage that is found at once."""
    wrong = []
    for name in ("model.safetensors", "state.safetensors", "state.json"):
        newest = three(tmp_path / name)[-1]
        spoil(newest / name)
        warnings: list[str] = []
        path, _ = load_newest(tmp_path / name, warnings.append)
        if path.name != "step-00000002" or name not in warnings[0] or "digest" in warnings[0]:
            wrong.append((name, path, warnings))
    assert wrong == []


def test_manifests_with_sha256_are_verified(tmp_path: Path) -> None:
    """What an earlier release saved is read, and a flipped bit in it is found; an unknown kind of digest is damage."""
    newest = three(tmp_path)[-1]
    manifest = json.loads((newest / "manifest.json").read_bytes())
    assert {entry["digest"][:7] for entry in manifest["files"].values()} == {"blake3:"}
    for name, entry in manifest["files"].items():
        entry["digest"] = "sha256:" + hashlib.sha256((newest / name).read_bytes()).hexdigest()
    (newest / "manifest.json").write_text(json.dumps(manifest))
    assert int(read_checkpoint(newest)["model"]["w"][0, 0]) == 3
    damaged(newest / "model.safetensors", -1)
    with pytest.raises(CheckpointDamagedError, match="sha256:"):
        read_checkpoint(newest)
    manifest["files"]["model.safetensors"]["digest"] = 7
    (newest / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointDamagedError, match="manifest cannot be read"):
        read_checkpoint(newest)


def test_truncation_and_absence_are_found(tmp_path: Path) -> None:
    """A file that is shorter, empty or gone."""
    newest = three(tmp_path)[-1]
    (newest / "model.safetensors").write_bytes((newest / "model.safetensors").read_bytes()[:-1])
    assert load_newest(tmp_path, lambda line: None)[0].name == "step-00000002"
    (newest.with_name("step-00000002") / "state.json").unlink()
    assert load_newest(tmp_path, lambda line: None)[0].name == "step-00000001"


def test_all_damaged_is_an_error(tmp_path: Path) -> None:
    """No silent fresh start: exit code 4."""
    for path in three(tmp_path):
        damaged(path / "model.safetensors", 100)
    with pytest.raises(CheckpointDamagedError, match="none of the 3 checkpoints") as caught:
        load_newest(tmp_path, lambda line: None)
    assert caught.value.exit_code == 4


def test_a_reader_of_safetensors_agrees(tmp_path: Path) -> None:
    """The file that is written here is what the library reads: every dtype, scalars, empty tensors, odd sizes."""
    from safetensors.torch import load_file

    tensors = {
        "scalar": torch.tensor(1.5),
        "empty": torch.empty(0, 3),
        "half": torch.randn(3).half(),
        "bf": torch.randn(5).bfloat16(),
        "bool": torch.tensor([True, False, True]),
        "int8": torch.arange(7, dtype=torch.int8),
        "int64": torch.arange(7),
        "double": torch.randn(2, 3, dtype=torch.float64),
        "strided": torch.randn(4, 6).t(),
    }
    write_chunks(tmp_path / "x.safetensors", tensor_chunks(tensors))
    back = load_file(tmp_path / "x.safetensors")
    assert sorted(back) == sorted(tensors)
    assert all(torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_weights_of_the_moment_are_saved(tmp_path: Path) -> None:
    """What the loop changes while a checkpoint is being written is not in it."""
    from regtrain.checkpoint.folder import Checkpoints
    from regtrain.checkpoint.keep import KeepPolicy

    weights = {f"w{i}": torch.zeros(200_000) for i in range(20)}
    checkpoints = Checkpoints(tmp_path, KeepPolicy("val/loss", "min"))
    checkpoints.save({"model": weights}, step=1, epoch=1, epoch_end=True, metrics={})
    for tensor in weights.values():
        tensor.add_(1)
    checkpoints.wait()
    saved = read_checkpoint(checkpoints.infos()[0].path)["model"]
    assert all(not tensor.any() for tensor in saved.values())
