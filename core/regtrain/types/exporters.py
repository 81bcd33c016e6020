"""What writes a model to a file of another format, and reads it back without the code that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from regtrain.types.task import Sample

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

__all__ = ["ExportFacts", "Exporter", "LoadedExport", "Quantizer", "dynamic_shapes"]

LoadedExport = Callable[[Mapping[str, "np.ndarray[Any, Any]"]], Mapping[str, "np.ndarray[Any, Any]"]]
"""Arrays by name in, arrays by name out."""


@dataclass(frozen=True)
class ExportFacts:
    """Names of the outputs, and what goes into the file's metadata: model, version, digest, names, labels."""

    outputs: tuple[str, ...] = ("output",)
    metadata: Mapping[str, str] = field(default_factory=dict)


class Exporter(Protocol):
    """One format: `factory(**args) -> Exporter`; importing and calling the factory loads nothing heavy.

    A class that inherits from this one has to define `suffix`, `export` and `load`.
    """

    suffix: ClassVar[str]
    """The end of the file's name, with its dot."""
    computes: ClassVar[bool] = True
    """Whether the file computes outputs; one that does not holds weights alone, which are compared bit by bit."""
    companions: ClassVar[tuple[str, ...]] = ()
    """Suffixes of files that are written beside the first one."""
    tolerance: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """dtype of the model → how far an output may be off: so much, and so much of the expected value besides."""

    def export(self, model: nn.Module, sample: Sample, path: Path, facts: ExportFacts) -> None:
        """Write the file.

        The model is in evaluation mode on the CPU, takes the tensors of `sample.args` in their order and returns a
        tensor, or a tuple of tensors that `facts.outputs` names; where weights alone are written, it is the model as it
        was trained. Raises ValueError, with the operator or the line, for a model that the format cannot hold.
        """
        ...

    def load(self, path: Path) -> LoadedExport:
        """Read the file with the format's own runtime. Called in a process without the user's code.

        The arrays are those of the inputs by name; bfloat16 is float32 on both sides. Of a format that holds weights
        alone, the result returns the weights by name, whatever it is called with.
        """
        ...


@runtime_checkable
class Quantizer(Protocol):
    """An exporter that also makes a file of 8-bit integers from one that it wrote."""

    def quantize(
        self, source: Path, target: Path, batches: Iterable[Mapping[str, np.ndarray[Any, Any]]] | None
    ) -> None:
        """Write a quantized file. `batches`: inputs from which the ranges of activations are measured beforehand; None:
        each call measures its own."""
        ...


def dynamic_shapes(model: nn.Module, sample: Sample) -> Any:
    """The dynamic axes of a sample as torch.export takes them; axes of one name are of one length."""
    import inspect

    from torch.export import Dim

    dims = {word: Dim(word) for axes in sample.dynamic.values() for word in axes.values()}
    shapes = tuple({axis: dims[word] for axis, word in sample.dynamic.get(name, {}).items()} for name in sample.names)
    parameters = inspect.signature(model.forward).parameters.values()
    return (shapes,) if any(p.kind is p.VAR_POSITIONAL for p in parameters) else shapes
