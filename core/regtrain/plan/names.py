"""Which plugin or file each part of a run comes from: every name checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regtrain.config import Config
from regtrain.errors import ConfigValueError, MissingKeyError, nearest
from regtrain.host import Host, Offer
from regtrain.targets import accepted_arguments, find_target
from regtrain.types import Choice, Kind
from regtrain.types.config import Scheduler, Tracker

__all__ = ["GIVEN", "PlanInputs", "PlanOptions", "choose_names"]


GIVEN = "(given)"


@dataclass(frozen=True)
class PlanOptions:
    """What is known besides the config. `given`: sections that a Python caller brings as objects.

    `init_from`: the exact version whose weights the run begins with, or began with before it was resumed. `resume` and
    `initial_weights` are paths inside the run folder.
    """

    cwd: Path
    resume: str | None = None
    resumed_from: str | None = None
    resumed_ended: bool = True
    parents: tuple[tuple[str, str], ...] = ()
    init_from: str | None = None
    initial_weights: str | None = None
    allow_imports: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PlanInputs:
    """What the steps that check names look at."""

    config: Config
    host: Host
    options: PlanOptions
    base_dir: Path


def choose_names(inputs: PlanInputs) -> list[Choice]:
    """Which plugin or file each part comes from."""
    config, host = inputs.config, inputs.host
    choices = [_part("model", "models", inputs), *_initial(inputs), _data(inputs)]
    task = config.experiment.task
    if task:
        choices.append(Choice("experiment.task", host.offer("tasks", task).name, "config"))
    else:
        choices.append(Choice("experiment.task", "classification", "no experiment.task; the most common one"))
    if config.loss.target and "loss" not in inputs.options.given:
        find_target("loss.target", config.loss.target, inputs.base_dir, inputs.options.allow_imports)
    optimizer = config.optimizer.name or "AdamW"
    reason = "config" if config.optimizer.name else "no optimizer.name; a sound default for most models"
    choices.append(Choice("optimizer.name", host.offer("optimizers", optimizer).name, reason))
    if config.scheduler:
        choices += _scheduler(config, host)
    for group in config.optimizer.groups.values():
        host.offer("optimizers", group.name or optimizer)
        if group.scheduler:
            _check_scheduler(group.scheduler, host)
    for callback, keys in config.callbacks.items():
        if keys.enabled:
            host.offer("callbacks", callback)
    for tracker, settings in config.trackers.items():
        if settings.enabled:
            _check_tracker(tracker, settings, host)
    if config.export.formats:
        formats = dict.fromkeys(host.offer("exporters", name).name for name in config.export.formats)
        choices.append(Choice("export.formats", list(formats), "config; after the version is registered"))
    return [*choices, *_places(config, host)]


def _part(section: str, kind: Kind, inputs: PlanInputs) -> Choice:
    settings, host = getattr(inputs.config, section), inputs.host
    if section in inputs.options.given:
        return Choice(f"{section}.name", GIVEN, "passed as an object")
    if settings.name and settings.target:
        raise ConfigValueError(f"{section}.name and {section}.target are both given", "keep the one that is meant")
    if settings.target:
        find_target(f"{section}.target", settings.target, inputs.base_dir, inputs.options.allow_imports)
        return Choice(f"{section}.target", settings.target, "config")
    if settings.name:
        offer = host.offer(kind, settings.name)
        return Choice(f"{section}.name", offer.name, f"plugin {offer.plugin} of {offer.distribution}")
    names = ", ".join(host.names(kind))
    raise MissingKeyError(
        f"{section}.name is missing: a run needs {'data' if section == 'data' else 'a model'}",
        f"give {section}.name ({names}), or {section}.target: ./file.py:function",
    )


def _initial(inputs: PlanInputs) -> list[Choice]:
    wanted, found = inputs.config.model.init_from, inputs.options.init_from
    if found is None:
        return []
    began = inputs.options.initial_weights is None
    return [Choice("model.init_from", found, "the run that goes on began with it" if began else f"config: {wanted}")]


def _data(inputs: PlanInputs) -> Choice:
    data = inputs.config.data
    if "data" not in inputs.options.given and not (data.name or data.target) and data.train_path:
        if data.train_path.endswith(".csv"):
            return Choice("data.name", inputs.host.offer("datasets", "csv").name, "data.train_path ends in .csv")
        raise MissingKeyError(
            f"data.name is missing: nothing tells how to read {data.train_path}",
            f"give data.name ({', '.join(inputs.host.names('datasets'))}), or data.target: ./file.py:function",
        )
    return _part("data", "datasets", inputs)


def _scheduler(config: Config, host: Host) -> list[Choice]:
    settings = config.scheduler
    assert settings is not None
    offer = _check_scheduler(settings, host)
    choices = [Choice("scheduler.name", offer.name, "config")]
    if settings.interval is None:
        by_step = offer.traits.get("interval") == "step" or bool(settings.warmup_steps)
        why = "it counts optimizer steps" if by_step else "no scheduler.interval; the usual one"
        choices.append(Choice("scheduler.interval", "step" if by_step else "epoch", why))
    else:
        choices.append(Choice("scheduler.interval", settings.interval, "config"))
    return choices


def _check_scheduler(settings: Scheduler, host: Host) -> Offer:
    if not settings.name:
        raise MissingKeyError("scheduler.name is missing", f"there are: {', '.join(host.names('schedulers'))}")
    return host.offer("schedulers", settings.name)


def _check_tracker(name: str, settings: Tracker, host: Host) -> None:
    """A tracker whose package is missing is a warning of the run; a wrong name or argument is an error."""
    offer = host.offer("trackers", name, usable=False)
    accepted = accepted_arguments(offer.factory)
    if accepted is None:
        return
    for key in settings.args:
        if key not in accepted:
            near = nearest(key, accepted) or sorted(accepted)
            raise ConfigValueError(
                f"trackers.{name}.{key}: tracker {offer.name!r} takes no {key!r}",
                f"it takes: {', '.join(near) or 'nothing'}",
            )


def _places(config: Config, host: Host) -> list[Choice]:
    """Strategy and launcher. One process is what this machine's plugins must offer at least."""
    distributed, launcher = config.distributed, config.launcher
    strategy = distributed.strategy or ("deepspeed" if distributed.deepspeed else None)
    strategy = strategy or ("accelerate" if distributed.use_accelerate else None)
    processes = (launcher.nproc or 1) * (launcher.nodes or 1)
    offer = host.offer("strategies", strategy or ("ddp" if processes > 1 else "single"))
    one = offer.traits.get("processes") == "one"
    if processes > 1 and one:
        raise ConfigValueError(
            f"launcher asks for {processes} processes, and strategy {offer.name!r} is one",
            "leave launcher.nproc and launcher.nodes out, or name a strategy for several processes",
        )
    for key, asked in (
        ("launcher.num_gpus", (launcher.num_gpus or 0) > 1),
        ("distributed.zero_stage", distributed.zero_stage),
        ("distributed.sharding_strategy", distributed.sharding_strategy),
        ("distributed.devices", len(distributed.devices or ()) > 1),
    ):
        if asked and one:
            raise ConfigValueError(
                f"{key} is set, and strategy {offer.name!r} trains on one device",
                f"leave {key} out, or name a strategy for several devices",
            )
    chosen = host.offer("launchers", launcher.name or "local")
    return [
        Choice("distributed.strategy", offer.name, "config" if strategy else _count(processes)),
        Choice("launcher.name", chosen.name, _why_launcher(config, chosen.name)),
    ]


def _count(processes: int) -> str:
    return "one process" if processes == 1 else f"{processes} processes"


def _why_launcher(config: Config, chosen: str) -> str:
    """The reason, and which keys the local launcher has no use for: they are for a cluster's overlay."""
    launcher = config.launcher
    unused = [key for key in ("partition", "queue", "walltime", "memory") if getattr(launcher, key) is not None]
    reason = "config" if launcher.name else "no cluster was asked for"
    return f"{reason}; not used here: {', '.join(unused)}" if unused and chosen == "local" else reason
