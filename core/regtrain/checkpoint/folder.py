"""The checkpoints of one run: saved behind the back of the loop, verified when read.

A checkpoint is a folder `step-00000120/` with `model.safetensors`, `state.safetensors`, `state.json` and, written
last, `manifest.json`. It is made under a temporary name and renamed, so that a folder of that name is whole.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from regtrain.bounded import parse_json
from regtrain.checkpoint.durable import digest_of, sync_folder, tensor_chunks, write_chunks, write_json
from regtrain.checkpoint.finite import not_finite
from regtrain.checkpoint.keep import (
    CheckpointInfo,
    KeepPolicy,
    best_of,
    keep,
    list_checkpoints,
    ranked,
    remove,
)
from regtrain.checkpoint.manifest import MANIFEST, check_files, read_manifest
from regtrain.checkpoint.tree import decode, encode
from regtrain.errors import CheckpointDamagedError, EnvironmentFault

__all__ = ["Checkpoints", "TrainingState", "load_newest", "read_checkpoint"]

TrainingState = dict[str, Any]
"""`model`: name → tensor; everything else (`optimizer`, `scheduler`, `progress`, `rng` …): trees for `encode`."""


class Checkpoints:
    """Writes into one folder. One save at a time: the next one waits for the one before.

    Of several processes one `writes`; in the others nothing is read or written.
    """

    def __init__(
        self,
        folder: Path,
        policy: KeepPolicy,
        saved: Callable[[CheckpointInfo], None] = lambda info: None,
        pth_names: bool = False,
        writes: bool = True,
    ) -> None:
        self.folder = folder
        self.writes = writes
        self.policy = policy
        self._saved = saved
        self._pth_names = pth_names
        self._buffers: dict[str, torch.Tensor] = {}
        self._thread: threading.Thread | None = None
        self._result: CheckpointInfo | BaseException | None = None
        if not writes:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".step-*"):  # what a killed run began; never complete, so never needed
            shutil.rmtree(leftover, ignore_errors=True)

    def save(
        self,
        state: TrainingState,
        *,
        step: int,
        epoch: int,
        epoch_end: bool,
        metrics: Mapping[str, float],
        finite: bool = True,
    ) -> None:
        """Copy the state aside and return; a thread writes it. Errors surface at the next call of `save` or `wait`.

        Args:
            finite: false where the losses that led to these weights were not; such a checkpoint is never the best.
        """
        if not self.writes:
            return
        self.wait()
        tensors: dict[str, torch.Tensor] = {}
        tree = encode({key: value for key, value in state.items() if key != "model"}, tensors)
        model = self._copied("model/", state["model"])
        others = self._copied("state/", tensors)
        head = {
            "format": 2,
            "step": step,
            "epoch": epoch,
            "epoch_end": epoch_end,
            "metrics": dict(metrics),
            "finite": finite,
        }
        self._thread = threading.Thread(target=self._write, args=(model, others, tree, head), name="checkpoint")
        self._thread.start()

    def try_out(self, state: TrainingState) -> None:
        """Write a state and throw it away: what cannot be saved is known before anything is trained.

        Raises:
            CheckpointMismatchError: the state holds what no file of ours can.
            EnvironmentFault: the folder cannot be written.
        """
        if not self.writes:
            return
        tensors: dict[str, torch.Tensor] = {}
        tree = encode({key: value for key, value in state.items() if key != "model"}, tensors)
        making = Path(tempfile.mkdtemp(prefix=".step-tried-", dir=self.folder))
        try:
            for name, found in (("model", state["model"]), ("state", tensors)):
                chunks = tensor_chunks(self._copied(f"{name}/", found))
                write_chunks(making / f"{name}.safetensors", chunks, sync=False)
            (making / "state.json").write_text(json.dumps(tree, allow_nan=False), encoding="utf-8")
        except OSError as problem:
            raise self._not_written(problem) from problem
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _not_written(self, problem: OSError) -> EnvironmentFault:
        return EnvironmentFault(
            f"checkpoint could not be written to {self.folder}: {problem.strerror or problem}",
            "free space or choose another --output-dir; the checkpoints before it are whole",
        )

    def wait(self) -> CheckpointInfo | None:
        """The checkpoint that was being written, once it is complete; None when there was none.

        Raises:
            EnvironmentFault: the disk is full, the folder not writable, or the device failed.
        """
        if self._thread is None:
            return None
        self._thread.join()
        self._thread = None
        result, self._result = self._result, None
        if isinstance(result, OSError):
            raise self._not_written(result) from result
        if isinstance(result, BaseException):
            raise result
        if result:
            self._saved(result)
            self._retain()
        return result

    def finish(self) -> None:
        """The run has ended: nothing is being written any more, and the newest goes where it is not wanted.

        Raises:
            EnvironmentFault: as `wait`.
        """
        self.wait()
        if self.writes and not self.policy.save_last:
            self._retain(ended=True)

    def adopt(self, folder: Path, until: int, warn: Callable[[str], None]) -> None:
        """Copy what a run in `folder`, which goes on here, had found best by step `until`: it is the best until
        something beats it. One that is damaged, or does not fit, is warned about."""
        if not self.writes:
            return
        infos = [info for info in list_checkpoints(folder) if info.step <= until]
        count = max(self.policy.keep_top_k, int(self.policy.save_best))
        for info in ranked(infos, self.policy.monitor, self.policy.mode)[:count]:
            making = Path(tempfile.mkdtemp(prefix=f".{info.path.name}-", dir=self.folder))
            try:
                _check_digests(info.path)
                shutil.copytree(info.path, making, dirs_exist_ok=True)
                making.rename(self.folder / info.path.name)
            except (OSError, CheckpointDamagedError) as problem:
                shutil.rmtree(making, ignore_errors=True)
                warn(f"{info.path.name}, the best so far, is not taken over: {problem}")

    def infos(self) -> list[CheckpointInfo]:
        return list_checkpoints(self.folder) if self.writes else []

    def best(self) -> CheckpointInfo | None:
        return best_of(self.infos(), self.policy.monitor, self.policy.mode)

    def _copied(self, prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Copies in kept buffers: the loop goes on changing the weights while they are written."""
        copies = {}
        for name, tensor in tensors.items():
            key = prefix + name
            buffer = self._buffers.get(key)
            if buffer is None or buffer.shape != tensor.shape or buffer.dtype != tensor.dtype:
                pinned = tensor.device.type == "cuda"
                buffer = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", pin_memory=pinned)
                self._buffers[key] = buffer
            copies[name] = buffer.copy_(tensor, non_blocking=True)
        if any(tensor.device.type == "cuda" for tensor in tensors.values()):
            torch.cuda.synchronize()
        return copies

    def _write(
        self, model: dict[str, torch.Tensor], others: dict[str, torch.Tensor], tree: Any, head: dict[str, Any]
    ) -> None:
        try:
            self._result = self._commit(model, others, tree, head)
        except BaseException as problem:
            self._result = problem

    def _commit(
        self, model: dict[str, torch.Tensor], others: dict[str, torch.Tensor], tree: Any, head: dict[str, Any]
    ) -> CheckpointInfo:
        """Write order: files, synced and hashed → manifest → folder synced → renamed → parent synced."""
        final = self.folder / f"step-{head['step']:08d}"
        making = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=self.folder))
        try:
            with ThreadPoolExecutor(2) as pool:
                parts = {"model.safetensors": model, "state.safetensors": others}
                writing = {n: pool.submit(write_chunks, making / n, tensor_chunks(t)) for n, t in parts.items()}
                files = {name: future.result() for name, future in writing.items()}
            files["state.json"] = write_json(making / "state.json", tree)
            head["finite"] = head["finite"] and not not_finite(model, _trained(tree))
            entries = {name: {"digest": w.digest, "size": w.size} for name, w in files.items()}
            write_json(making / MANIFEST, {**head, "files": entries})
            sync_folder(making)
            again = 1
            while final.exists():  # the same step, at an event and then at the epoch's end: the older one goes later
                again += 1
                final = final.with_name(f"step-{head['step']:08d}-{again}")
            making.rename(final)
            sync_folder(self.folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        return next(info for info in self.infos() if info.path == final)

    def _retain(self, *, ended: bool = False) -> None:
        """Delete what the policy does not keep, only after the new one is complete; then refresh the views."""
        infos = self.infos()
        stays = keep(infos, self.policy, ended=ended)
        for info in infos:
            if info.path not in stays:
                remove(info.path)
        infos = [info for info in infos if info.path in stays]
        views = {"last": infos[-1] if infos else None, "best": self.best() if self.policy.save_best else None}
        for name, shown in views.items():
            if shown:
                self._view(name, shown)

    def _view(self, name: str, info: CheckpointInfo) -> None:
        """Names for people; nothing reads them back."""
        with contextlib.suppress(OSError):
            making = self.folder / f".{name}"
            making.unlink(missing_ok=True)
            making.symlink_to(info.path.name)
            making.replace(self.folder / name)
        if self._pth_names:
            making = self.folder / f".{name}_model.pth"
            torch.save(load_file(info.path / "model.safetensors"), making)
            making.replace(self.folder / f"{name}_model.pth")


def _trained(tree: Mapping[str, Any]) -> set[str] | None:
    """Names of the model's tensors that an optimizer changes; None where the state does not say."""
    parts = tree.get("parameters")
    if parts is None:
        return None
    return {name.removeprefix("model.") for names in parts.values() for name in names}


def read_checkpoint(path: Path) -> TrainingState:
    """The state in a checkpoint folder, every file checked against its digest.

    Raises:
        CheckpointDamagedError: a file is missing, changed or unreadable.
    """
    try:
        _check_digests(path)
        tree = parse_json((path / "state.json").read_bytes())
        state: TrainingState = decode(tree, load_file(path / "state.safetensors"))
        state["model"] = load_file(path / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        raise CheckpointDamagedError(f"{path} cannot be read: {problem}", "take an earlier checkpoint") from problem
    return state


def _check_digests(path: Path) -> None:
    manifest = read_manifest(path)
    check_files(path, manifest)
    for name, entry in manifest.files.items():
        found = digest_of(path / name, entry.digest)
        if found != entry.digest:
            raise CheckpointDamagedError(f"{path / name} is damaged: digest {found}, expected {entry.digest}")


def load_newest(folder: Path, warn: Callable[[str], None]) -> tuple[Path, TrainingState]:
    """The newest checkpoint that passes its digests; each one that does not is warned about.

    Raises:
        CheckpointDamagedError: none does. Starting afresh instead would hide the loss.
    """
    paths = sorted((p for p in folder.glob("step-*") if p.is_dir() and not p.is_symlink()), reverse=True)
    for path in paths:
        try:
            return path, read_checkpoint(path)
        except CheckpointDamagedError as problem:
            warn(f"{problem.message}; trying the one before it")
    raise CheckpointDamagedError(
        f"none of the {len(paths)} checkpoints in {folder} can be used",
        "name another one with --resume, or start afresh without it",
    )
