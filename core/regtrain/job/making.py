"""What every step of the job works from, and how a factory is called."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn

from regtrain.errors import ConfigValueError, DataError, EnvironmentFault, RegtrainError, brief, nearest
from regtrain.host import Host
from regtrain.run_dir import RunDir
from regtrain.run_dir.records import RecordWriter
from regtrain.targets import Target, accepted_arguments, find_target, load_target
from regtrain.targets.load import expect
from regtrain.types import Callback, Kind, Plan, Settled, Splits, chosen
from regtrain.types.config import Config

Section = Literal["model", "data", "loss"]

__all__ = ["GivenObjects", "Job", "Section", "factory_of", "make", "origin_of", "planned_code", "target_of"]


@dataclass
class GivenObjects:
    """Objects that a Python caller brings along, instead of names in a config."""

    model: nn.Module | None = None
    data: Splits | None = None
    criterion: Callable[..., torch.Tensor] | None = None
    callbacks: list[Callback] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What every step of the launched side works from. `config` is the plan's with what the job has settled so far."""

    run_dir: RunDir
    plan: Plan
    config: Config
    settled: Settled
    host: Host
    given: GivenObjects
    log: logging.Logger
    events: RecordWriter

    @property
    def device(self) -> str:
        """torch's name of the device that this process trains on."""
        return self.settled.device

    @property
    def interactive(self) -> bool:
        """A terminal is attached to standard error."""
        return sys.stderr.isatty()


def origin_of(plan: Plan, section: str) -> str:
    """Where a part comes from, for people: `data.name digits`, `model.target ./model.py:build`."""
    choice = next(c for c in plan.choices if c.key in (f"{section}.name", f"{section}.target"))
    return f"{choice.key} {choice.value}"


def target_of(plan: Plan, section: Section) -> Target | None:
    """The user's file that a section names; None for a plugin or an object."""
    text = getattr(plan.config, section).target
    if not text or section in plan.given:
        return None
    return find_target(f"{section}.target", text, plan.base_dir, plan.allow_imports)


def planned_code(plan: Plan) -> dict[Path, bytes]:
    """The user's files as they were planned, with what they hold: nothing else is run from here on.

    Raises:
        ConfigValueError: a file has changed since the run was planned.
    """
    sources: dict[Path, bytes] = {}
    for section in get_args(Section):
        target = target_of(plan, section)
        if target is None:
            continue
        read = target.read()
        planned, now = plan.code.get(section), target.digest_of(read)
        if now != planned:
            text = getattr(plan.config, section).target
            raise ConfigValueError(
                f"{section}.target: {text} has changed since the run was planned: {planned} then, {now} now",
                "start the run again, and it is planned with the code of now",
            )
        sources |= read
    if sources:
        expect(plan.base_dir.resolve(), sources)
    return sources


def factory_of(job: Job, section: Section, kind: Kind) -> Callable[..., Any]:
    target = target_of(job.plan, section)
    if target:
        return load_target(target)
    return job.host.offer(kind, chosen(getattr(job.config, section).name)).factory


def make(factory: Callable[..., Any], args: Mapping[str, Any], origin: str, section: str) -> Any:
    """Call a factory; what it does not take is named before it is called.

    Raises:
        ConfigValueError: an argument that it does not take, or one that it needs.
        DataError: its file is missing or its data are wrong.
        EnvironmentFault: a package that it needs is missing.
    """
    _check_arguments(factory, args, origin, section)
    try:
        return factory(**args)
    except RegtrainError:
        raise
    except ModuleNotFoundError as problem:
        package = {"sklearn": "scikit-learn"}.get(str(problem.name), str(problem.name))
        raise EnvironmentFault(f"{origin} needs the package {package!r}", f"pip install {package}") from problem
    except (OSError, ValueError, TypeError, RuntimeError) as problem:
        kind = DataError if section == "data" else ConfigValueError
        reason = (
            f"{problem.strerror}: {problem.filename}"
            if isinstance(problem, OSError) and problem.filename
            else brief(problem)
        )
        raise kind(f"{origin} failed: {reason}", "the trace is in train.log") from problem


def _check_arguments(factory: Callable[..., Any], args: Mapping[str, Any], origin: str, section: str) -> None:
    accepted = accepted_arguments(factory)
    if accepted is None:
        return
    for name in args:
        if name not in accepted:
            near = nearest(name, accepted) or sorted(accepted)
            raise ConfigValueError(
                f"{section}.{name}: {origin} takes no {name!r}", f"it takes: {', '.join(near) or 'nothing'}"
            )
    needed = [
        p.name
        for p in inspect.signature(factory).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in args
    ]
    if needed:
        raise ConfigValueError(f"{origin} needs {section}.{needed[0]}", f"it takes: {', '.join(sorted(accepted))}")
