"""What is trained as one module with named components, and which optimizer each parameter belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from regtrain.errors import ConfigValueError, nearest

__all__ = ["Trainable", "assign"]

LOSS = "loss"
SHOWN = 3


class Trainable(nn.Module):
    """The model, the modules of the task and a loss that is a module.

    Parameters of the model keep their own names; those of the others begin with the name of their module. Calling it
    with a function and arguments calls the function: a wrapper such as DistributedDataParallel then sees one forward
    pass, whatever the function does with the modules.
    """

    def __init__(self, model: nn.Module, modules: Mapping[str, nn.Module], criterion: Any) -> None:
        super().__init__()
        loss = {LOSS: criterion} if isinstance(criterion, nn.Module) else {}
        self.model = model
        self.others = nn.ModuleDict({**modules, **loss})
        clash = sorted(self.others.keys() & {name for name, _ in model.named_children()} - _empty(self.others))
        if clash:
            raise ConfigValueError(
                f"{clash[0]!r} is a module of the model, and a module of the task or the loss",
                "rename the model's: optimizers are chosen by these names",
            )

    def forward(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def named(self) -> dict[str, nn.Parameter]:
        """Full name → parameter that is trained: the model's own names, `representation.…`, `loss.…`."""
        named = {name.removeprefix("_orig_mod."): p for name, p in self.model.named_parameters() if p.requires_grad}
        seen = set(map(id, self.model.parameters()))
        for name, parameter in self.others.named_parameters():
            if parameter.requires_grad and id(parameter) not in seen:
                named[name] = parameter
        return named


def _empty(modules: nn.ModuleDict) -> set[str]:
    """Modules without a parameter, which no optimizer asks for."""
    return {name for name, module in modules.items() if next(module.parameters(), None) is None}


def assign(patterns: Sequence[str], trainable: Trainable, role: str = "model") -> dict[str, dict[str, nn.Parameter]]:
    """Pattern → the parameters that it matches, by full name.

    A pattern is the name of a module of the task or the loss, `role` for the whole model, the path of a module or
    parameter in the model, or a shell pattern over full names.

    Raises:
        ConfigValueError: a parameter that no pattern or more than one matches, or a pattern that matches nothing.
    """
    named = trainable.named()
    own = {name.removeprefix("_orig_mod.") for name, _ in trainable.model.named_parameters()}
    children = {name for name, _ in trainable.model.named_children()}
    whole = {role, "model"} - children - set(trainable.others)
    matched = {
        pattern: [name for name in named if (pattern in whole and name in own) or _matches(name, pattern)]
        for pattern in patterns
    }
    for pattern, names in matched.items():
        if not names:
            raise ConfigValueError(
                f"optimizer.groups: {pattern!r} matches no parameter", _offered(pattern, named, role)
            )
    for name in named:
        by = [pattern for pattern, names in matched.items() if name in names]
        if len(by) != 1:
            found = f"both {by[0]!r} and {by[1]!r} match" if by else "no pattern matches"
            raise ConfigValueError(
                f"optimizer.groups: {found} parameter {name!r}",
                f"each parameter belongs to exactly one of: {', '.join(patterns)}; '*' is a pattern, too",
            )
    return {pattern: {name: named[name] for name in names} for pattern, names in matched.items()}


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)


def _offered(pattern: str, named: Mapping[str, torch.Tensor], role: str) -> str:
    """The names of modules most like the pattern, or the outermost ones."""
    paths = {name.rpartition(".")[0] or name for name in named}
    paths |= {name.partition(".")[0] for name in named} | {role}
    near = nearest(pattern, sorted(paths)) or sorted({name.partition(".")[0] for name in named} | {role})[:SHOWN]
    return f"nearest: {', '.join(near)}"
