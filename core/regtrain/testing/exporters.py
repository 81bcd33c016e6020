"""What exporters owe: a file that computes what the model does, for any number of samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from regtrain.export.arrays import as_array
from regtrain.export.check import DEFAULT_TOLERANCE, compare
from regtrain.export.flat import flatten
from regtrain.testing.offered import Offered
from regtrain.types import Exporter, ExportFacts, Kind, Sample

__all__ = ["ExporterConformance"]


class _Pair(nn.Module):
    """Two inputs of different widths, and a dict with two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        both = self.left(left) + self.right(right)
        return {"scores": both, "norm": both.square().sum(1)}


def _chain() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))


class ExporterConformance(Offered):
    """A model with one input, and one with several inputs and outputs, are written and read back.

    Override `models` where a format holds models of one kind only.

    ```python
    class TestLinearJson(ExporterConformance):
        module = "regtrain_json.linear"
        offers = "linear-json"
        models = {"linear": (lambda: nn.Linear(3, 2), {"inputs": (3,)})}
    ```
    """

    kind: ClassVar[Kind] = "exporters"
    models: ClassVar[dict[str, tuple[Callable[[], nn.Module], dict[str, tuple[int, ...]]]]] = {
        "chain": (_chain, {"inputs": (3,)}),
        "pair": (_Pair, {"left": (3,), "right": (5,)}),
    }
    """Name → factory of the model, and the shape of one sample for each input."""

    @pytest.fixture
    def exporter(self, factory: Callable[..., Exporter]) -> Exporter:
        return factory(**self.args)

    def test_what_is_read_back_computes_the_same(self, exporter: Exporter, tmp_path: Path) -> None:
        """For every model and number of samples the outputs agree by name; weights agree bit by bit."""
        for name, (build, shapes) in self.models.items():
            torch.manual_seed(0)
            model = build().eval()
            flat, sample, outputs = flatten(model, _sample(shapes, 2))
            file = tmp_path / f"{name}{exporter.suffix}"
            exporter.export(flat if exporter.computes else model, sample, file, ExportFacts(outputs, {"model": name}))
            loaded = exporter.load(file)
            if not exporter.computes:
                found = loaded({})
                assert {k: as_array(v).tolist() for k, v in model.state_dict().items()} == {
                    k: v.tolist() for k, v in found.items()
                }
                continue
            for size in (1, 2, 7):
                args = _sample(shapes, size).args
                with torch.no_grad():
                    expected = flat(*args)
                expected = expected if isinstance(expected, tuple) else (expected,)
                computed = loaded(dict(zip(sample.names, map(as_array, args), strict=True)))
                limits = exporter.tolerance.get("float32") or DEFAULT_TOLERANCE["float32"]
                for output, wanted in zip(outputs, expected, strict=True):
                    assert computed[output].shape == tuple(wanted.shape), f"{name}: {output} with {size} samples"
                    report = compare(as_array(wanted), computed[output], *limits)
                    assert report["out_of_tolerance"] == 0, f"{name}: {output} with {size} samples: {report}"

    def test_the_model_stays_as_it_is(self, exporter: Exporter, tmp_path: Path) -> None:
        """Weights, mode and gradients of the model are those of before."""
        build, shapes = next(iter(self.models.values()))
        model = build().eval()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        flat, sample, outputs = flatten(model, _sample(shapes, 2))
        exporter.export(flat, sample, tmp_path / f"model{exporter.suffix}", ExportFacts(outputs, {}))
        assert not model.training
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        assert all(parameter.requires_grad for parameter in model.parameters())

    def test_only_its_own_files_are_written(self, exporter: Exporter, tmp_path: Path) -> None:
        """One file, and those that it names as companions."""
        build, shapes = next(iter(self.models.values()))
        flat, sample, outputs = flatten(build().eval(), _sample(shapes, 2))
        exporter.export(flat, sample, tmp_path / f"model{exporter.suffix}", ExportFacts(outputs, {}))
        expected = {f"model{suffix}" for suffix in (exporter.suffix, *exporter.companions)}
        assert {path.name for path in tmp_path.iterdir()} == expected


def _sample(shapes: dict[str, tuple[int, ...]], count: int) -> Sample:
    generator = torch.Generator().manual_seed(count)
    args: tuple[Any, ...] = tuple(torch.randn(count, *shape, generator=generator) for shape in shapes.values())
    return Sample(args, tuple(shapes), {name: {0: "batch"} for name in shapes})
