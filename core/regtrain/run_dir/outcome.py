"""How a job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

__all__ = ["Outcome", "Status"]

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
RECIPE = frozenset({"data", "code", "signature", "state"})
ERROR = frozenset({"code", "message", "hint", "exit_code"})
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
    steps: Count = 0
    epochs: Count = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    error: Mapping[str, Any] | None = None
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        """Raises ValueError where a file that was edited says something else than a job does."""
        unknown = self.recipe.keys() - RECIPE
        if unknown or not all(isinstance(part, Mapping) for part in self.recipe.values()):
            raise ValueError(f"the recipe has {', '.join(RECIPE)}, each of them a mapping")
        missing = ERROR - (self.error or {}).keys()
        if self.error is not None and (missing or type(self.error["exit_code"]) is not int):
            raise ValueError(f"an error has {', '.join(sorted(ERROR))}")
