"""The kinds of things that plugins offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, get_args

__all__ = ["KINDS", "Kind", "Register"]

Kind = Literal[
    "models",
    "datasets",
    "tasks",
    "optimizers",
    "schedulers",
    "strategies",
    "evaluators",
    "trackers",
    "launchers",
    "exporters",
    "commands",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Register(Protocol):
    """What a registering hook gets: call it once per name. Names are compared without letter case."""

    def __call__(self, name: str, factory: Callable[..., Any]) -> None: ...
