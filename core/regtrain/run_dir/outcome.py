"""How a job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

__all__ = ["Outcome", "Status"]

Status = Literal["finished", "interrupted", "failed", "pruned"]


@dataclass(frozen=True)
class Outcome:
    """How the job ended. `checkpoint` is the name of the one to register, inside the folder of checkpoints.

    `recipe` holds what decides the version besides the config: data, code, signature, state.
    `error` has code, message, hint and exit_code. `seconds` is the time of the job.
    """

    # JSON has no NaN: it is written as text and read back as a number
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings", extra="forbid")

    status: Status
    steps: int = 0
    epochs: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    error: Mapping[str, Any] | None = None
    format: Literal[1] = 1
