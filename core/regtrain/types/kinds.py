"""The kinds of things that plugins offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    "callbacks",
    "trackers",
    "launchers",
    "exporters",
    "commands",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Register(Protocol):
    """What a registering hook gets: call it once per name. Names are compared without letter case.

    `requires` is a package that the factory imports, as pip writes it (`lion-pytorch>=0.2`); a run that asks for the
    name without it is refused with the command that installs it; a tracker is left out with a warning. `traits` are
    facts that regtrain asks for instead of knowing the name:

    - optimizers: `closure` (a step evaluates the loss several times), `sparse_gradients` (it takes sparse gradients
      only), `modes` (it keeps other weights for evaluation);
    - schedulers: `interval` ("step": it counts optimizer steps), `follows_metric`, `fixed_length` (it raises beyond
      the length that it was made for);
    - strategies: `processes` ("one" or "many");
    - tasks: `indices` (batches come as `Indexed`);
    - trackers: `environment` (it has a method `environment`, whose variables the job gets).
    """

    def __call__(
        self,
        name: str,
        factory: Callable[..., Any],
        *,
        requires: str = "",
        traits: Mapping[str, Any] | None = None,
    ) -> None: ...
