"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from regtrain.types.config import Config

__all__ = [
    "MADE",
    "PROBLEM",
    "REPORT",
    "REQUEST",
    "CompressRequest",
    "Compressed",
    "ExportRequest",
    "ExportResult",
    "Made",
    "ModelSource",
    "Timing",
]

# Files of the folder by which the processes of an export exchange what they found.
REQUEST, MADE, REPORT, PROBLEM = "request.json", "made.json", "report.json", "problem.json"


@dataclass(frozen=True)
class ModelSource:
    """Where the weights, the config and the code of a trained model are.

    `origin` is what it is called in messages. `weights` is None where they are in memory already; `digest` is theirs,
    `blake3:…` or `sha256:…`. `code` is the folder that relative targets start from, `digests` section → digest of the
    user's files as they were when the model was trained. `untrusted` says where the code came from when it may not
    run. `facts` go into the metadata of an export.
    """

    origin: str
    config: Config
    weights: Path | None
    digest: str
    code: Path
    digests: Mapping[str, str] = field(default_factory=dict)
    allow_imports: tuple[str, ...] = ()
    signature: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    untrusted: str = ""
    format: int = 1


@dataclass(frozen=True)
class ExportRequest:
    """What is to be exported to which format.

    `args` are those of the exporter. `shapes`: shape of one sample without the batch, by the name of the input ("" for
    the only one); given, random numbers of these shapes and of `dtypes` take the place of the run's data. `dynamic`:
    name of an input → axis → what it counts, besides those that the task names. `use_data`: the code of the data may
    run.
    """

    source: ModelSource
    format: str
    args: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    dynamic: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    use_data: bool = True
    no_data: str = ""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call: the median, and what a tenth of the calls stay below and exceed."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Made:
    """What the exporting process leaves for the one that checks. `cases`: numbers of samples, each in a file
    `case-N.npz`; `weights`: name → dtype, shape and SHA-256, for a format that holds weights alone."""

    format: str
    file: str
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    dtype: str
    samples: str
    cases: tuple[int, ...] = ()
    latency: Mapping[int, Timing] = field(default_factory=dict)
    weights: Mapping[str, tuple[str, tuple[int, ...], str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportResult:
    """A file that was found to compute the same, and the report of it."""

    format: str
    file: Path
    report: Mapping[str, Any]


@dataclass(frozen=True)
class CompressRequest:
    """How a model is made smaller.

    `method`: `dynamic` and `static` quantize to 8-bit integers, the second with ranges measured on `samples` of the
    training data; `magnitude` sets the share `amount` of the weights to zero, the smallest ones.
    """

    source: ModelSource
    method: Literal["dynamic", "static", "magnitude"]
    amount: float = 0.0
    samples: int = 0
    format: int = 1


@dataclass(frozen=True)
class Compressed:
    """The compressed model in `file`, and the metrics of the run's validation data before and after."""

    file: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    bytes_before: int
    bytes_after: int
    facts: Mapping[str, Any] = field(default_factory=dict)
