"""The Python face: train live objects, recorded and registered like a run from the command line; load what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.checkpoint.weights import fill, tensors_in
from regtrain.config import Config, Resolved, from_mapping
from regtrain.errors import MissingKeyError
from regtrain.export.rebuild import load_weights, rebuild
from regtrain.host import Host
from regtrain.job import GivenObjects, execute
from regtrain.run.completion import RunResult
from regtrain.run.compress import QUANTIZED
from regtrain.run.execution import execute as execute_run
from regtrain.run.execution import refuse_ranks
from regtrain.run.open_registry import open_registry
from regtrain.run.planning import plan_resolved
from regtrain.run.sources import WEIGHTS, is_path, source_of_path, source_of_version, weights_digest, with_checked_code
from regtrain.run_dir import RunDir
from regtrain.types import Callback, Launched, Splits

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.data import Dataset

    from regtrain_registry import Registry

__all__ = ["RunResult", "Trainer", "load"]


class Trainer:
    """One run. What is not passed as an object comes from the config, by name or by file.

    Args:
        config: a path to YAML, a mapping in any accepted spelling, or a `Config`.
        model: any `nn.Module`; its weights are changed in place.
        train_dataset, val_dataset: map-style datasets of `(inputs, target)` or mappings such as image and target.
        criterion: `criterion(outputs, target) -> scalar`; the task's own when left out.
        output_dir: folder of the run folders, relative to the working directory.
        experiment_name: what the run and, unless the config says otherwise, the registered model are called.
        callbacks: called in the loop at the moments that they override.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | Config | Path | str | None = None,
        model: nn.Module | None = None,
        train_dataset: Dataset[Any] | None = None,
        val_dataset: Dataset[Any] | None = None,
        criterion: Callable[..., torch.Tensor] | None = None,
        output_dir: str | Path | None = None,
        experiment_name: str | None = None,
        *,
        callbacks: Sequence[Callback] = (),
        allow_imports: Sequence[str] = (),
    ) -> None:
        if val_dataset is not None and train_dataset is None:
            raise MissingKeyError(
                "val_dataset is given without train_dataset", "pass both, or neither and name the data"
            )
        flags = {"experiment.output_dir": str(output_dir) if output_dir else None, "experiment.name": experiment_name}
        self.cwd = Path.cwd()
        self.resolved: Resolved = from_mapping(config if config is not None else {}, flags=flags, base_dir=self.cwd)
        data = Splits(train_dataset, val_dataset) if train_dataset is not None else None
        self._live = GivenObjects(model, data, criterion, list(callbacks))
        self._allow_imports = tuple(allow_imports)

    def train(self, resume: str | Path | None = None) -> RunResult:
        """Train, record and register. `resume`: a checkpoint, a run folder, a run, or `NAME@VERSION`.

        Raises:
            RegtrainError, RegistryError: as `regtrain run` reports them.
        """
        refuse_ranks()
        host = Host()
        parts = {"model": self._live.model, "data": self._live.data, "loss": self._live.criterion}
        planned = plan_resolved(
            self.resolved,
            host,
            self.cwd,
            resume=str(resume) if resume else None,
            allow_imports=self._allow_imports,
            given=frozenset(name for name, part in parts.items() if part is not None),
        )

        def launch(run_dir: RunDir) -> Launched:
            execute(run_dir, run_dir.read_plan(), host, self._live)
            return Launched(0)

        return execute_run(planned, host, launch)


def load(
    ref: str | Path,
    *,
    model: nn.Module | None = None,
    trust_code: bool = False,
    device: str | torch.device = "cpu",
    registry: Registry | None = None,
) -> nn.Module:
    """A trained model in evaluation mode, with verified weights, built anew from its config and code.

    A quantized version becomes a module that runs its file with onnxruntime.

    Args:
        ref: a version (`digits@champion`), a checkpoint or a run folder.
        model: a module that gets the weights, instead of one that is built anew; it is changed in place.
        trust_code: run code that came from another registry, too. It can do whatever this process can.
        registry: where the version is; the one that a command in this folder would use when left out.

    Raises:
        UntrustedCodeError: the code came from elsewhere and `trust_code` is off.
        CodeChangedError: the code is missing or has changed; both digests are named.
        RegtrainError, RegistryError: no such model, damaged weights, or weights that do not fit.
    """
    text, cwd = str(ref), Path.cwd()
    if is_path(text, cwd):
        source = source_of_path(cwd / text, rebuilt=model is None)
        tensors = load_weights(source)
        if model is None:
            source = with_checked_code(source, ("model",))
    else:
        opened = registry or open_registry(cwd)
        version = opened.show(text)
        if model is None and any(artifact.path == QUANTIZED for artifact in version.artifacts):
            return _quantized(opened, version.ref)
        if model is None:
            source = source_of_version(opened, version, trust_code=trust_code)
        digest = weights_digest(opened, version)
        tensors = tensors_in(opened.read_artifact(version.ref, WEIGHTS, digest=digest), version.ref)
    if model is None:
        model = rebuild(source, Host(), tensors)
    else:
        fill(model, tensors, text)
    return model.eval().to(device)


def _quantized(registry: Registry, ref: str) -> nn.Module:
    """The module of a quantized version, which runs its file with onnxruntime."""
    from regtrain.bounded import parse_json
    from regtrain.export.from_file import FromFile

    about = parse_json(bytes(registry.read_artifact(ref, "compression.json")))
    loaded = Host().offer("exporters", "onnx").factory().load(registry.open_artifact(ref, QUANTIZED))
    return FromFile(loaded, tuple(str(one["name"]) for one in about["inputs"])).eval()
