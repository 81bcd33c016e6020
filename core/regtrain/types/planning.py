"""What is decided about a run before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Choice", "Plan"]


@dataclass(frozen=True)
class Choice:
    """One automatic choice of a plan and the reason for it."""

    key: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before anything is spent. `config` is canonical and JSON-able."""

    run_id: str
    run_name: str
    model_name: str
    config: Mapping[str, Any]
    base_dir: Path
    choices: Sequence[Choice]
    config_path: Path | None = None
    allow_imports: tuple[str, ...] = ()
    resume: str | None = None
    resumed_from: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    initial_weights: str | None = None

    def choice(self, key: str) -> Any:
        """The value chosen for `key`; KeyError when nothing was to be chosen."""
        for choice in self.choices:
            if choice.key == key:
                return choice.value
        raise KeyError(key)
