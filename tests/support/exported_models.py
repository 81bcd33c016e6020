"""Real architectures, small: what exports are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from regtrain.types import Sample

ROWS, TIME = 2, 6


@dataclass(frozen=True)
class Architecture:
    """`build` makes it; `shapes`: shape of one sample for each input, and `dtype` of them."""

    build: Callable[[], nn.Module]
    shapes: dict[str, tuple[int, ...]]
    dtype: torch.dtype = torch.float32
    time_axis: bool = False

    def sample(self, count: int) -> Sample:
        generator = torch.Generator().manual_seed(count)
        args: list[Any] = []
        for shape in self.shapes.values():
            numbers = torch.randn(count, *shape, generator=generator)
            args.append(numbers.to(self.dtype) if self.dtype.is_floating_point else numbers.abs().long() % 7)
        axes = {0: "batch", 1: "time"} if self.time_axis else {0: "batch"}
        return Sample(tuple(args), tuple(self.shapes), dict.fromkeys(self.shapes, axes))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(images + self.inner(images))


def resnet() -> nn.Module:
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), Block(8), Block(8), *head)
    model.train()
    with torch.no_grad():  # running statistics that are not those of a new layer
        model(torch.randn(16, 1, 8, 8))
    return model


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        encoded: torch.Tensor = self.encoder(self.embedding(tokens))
        scores: torch.Tensor = self.head(encoded.mean(1))
        return scores


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.LSTM | nn.GRU]) -> None:
        super().__init__()
        self.recurrent = kind(5, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.recurrent(inputs)
        scores: torch.Tensor = self.head(outputs[:, -1])
        return scores


class SeveralInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.table = nn.Linear(6, 4), nn.Linear(3, 4)

    def forward(self, image: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.image(image) * self.table(table)
        return both


class SeveralOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.layer(inputs)
        return found, found.argmax(1)


class DictOutputs(SeveralOutputs):
    def forward(self, inputs: torch.Tensor) -> dict[str, Any]:  # type: ignore[override]
        found = self.layer(inputs)
        return {"scores": found, "inner": {"mean": found.mean(1)}, "nothing": None}


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
        self.out.weight = self.into.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.out(torch.relu(self.into(inputs)))
        return found


def bfloat16() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).bfloat16()


def compiled() -> nn.Module:
    return torch.compile(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)), backend="eager")  # type: ignore[return-value]


ARCHITECTURES = {
    "mlp": Architecture(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)), {"inputs": (6,)}),
    "resnet": Architecture(resnet, {"inputs": (1, 8, 8)}),
    "encoder": Architecture(Encoder, {"tokens": (TIME,)}, torch.int64, time_axis=True),
    "lstm": Architecture(lambda: Recurrent(nn.LSTM), {"inputs": (TIME, 5)}),
    "gru": Architecture(lambda: Recurrent(nn.GRU), {"inputs": (TIME, 5)}),
    "several inputs": Architecture(SeveralInputs, {"image": (6,), "table": (3,)}),
    "several outputs": Architecture(SeveralOutputs, {"inputs": (6,)}),
    "dict outputs": Architecture(DictOutputs, {"inputs": (6,)}),
    "tied weights": Architecture(Tied, {"inputs": (6,)}),
    "bfloat16": Architecture(bfloat16, {"inputs": (6,)}, torch.bfloat16),
    "compiled": Architecture(compiled, {"inputs": (6,)}),
}


class Clamp(torch.autograd.Function):
    """Leaves torch in its forward pass, so that no exporter can follow."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[max(-1.0, min(1.0, number)) for number in row] for row in inputs.tolist()])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return grads[0]


class CustomFunction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = Clamp.apply(self.layer(inputs))
        return found


class DataDependent(nn.Module):
    """Takes a way that depends on the numbers, and cannot be compiled by TorchScript either."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.ways = {True: torch.sin, False: torch.cos}

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(inputs)
        if found.sum() > 0:
            return self.ways[True](found)
        return self.ways[False](found)


REFUSED = {"custom autograd.Function": CustomFunction, "data-dependent control flow": DataDependent}
