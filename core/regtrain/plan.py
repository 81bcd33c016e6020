"""Config + plugins + hardware → Plan: names checked, automatic choices made with their reasons, nothing spent."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from regtrain.checkpoint.keep import mode_of
from regtrain.config import Config, Resolved
from regtrain.errors import ConfigValueError, MissingKeyError
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.targets import find_target
from regtrain.types import Choice, Kind, Plan, Task

__all__ = ["NO_EVALUATOR", "PlanOptions", "config_to_keep", "make_plan"]

DEFAULT_SEED = 42
DEFAULT_BATCH_SIZE = 32
NO_EVALUATOR = "none"

# Keys that the config knows and this release does not act on. A run that asks for one is refused: to train something
# else than what was asked for would be worse.
NOT_BUILT: dict[str, Callable[[Config], object]] = {
    "optimizer.groups": lambda c: c.optimizer.groups,
    "training.auto_batch_size": lambda c: c.training.auto_batch_size,
    "model.compile": lambda c: c.model.compile,
    "model.gradient_checkpointing": lambda c: c.model.gradient_checkpointing,
    "evaluation.save_predictions": lambda c: c.evaluation.save_predictions,
    "profiling.enabled": lambda c: c.profiling and c.profiling.enabled,
}


@dataclass(frozen=True)
class PlanOptions:
    """What the command line says besides the config. `live`: parts that a Python caller brings as objects."""

    cwd: Path
    resume: str | None = None
    resumed_from: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    allow_imports: tuple[str, ...] = ()
    live: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Asked:
    """What the name-checking steps look at."""

    config: Config
    host: Host
    options: PlanOptions
    base_dir: Path


def make_plan(resolved: Resolved, host: Host, hardware: Hardware, options: PlanOptions) -> Plan:
    """Everything that is decided before a run is started.

    Raises:
        RegtrainError: a key is missing, a name unknown, a target outside the config's folder, or a plugin objects.
    """
    config = resolved.config
    _refuse_what_is_not_built(config)
    _refuse_outside(config)
    config = _with_paths(resolved, options.cwd)
    asked = _Asked(config, host, options, resolved.base_dir)
    choices = [
        *_names(asked),
        *_length(config),
        *_device(config, hardware),
        *_measures(config, host),
        *_loading(config),
    ]
    name = config.experiment.name or _run_name(config, choices)
    plan = Plan(
        run_id=f"{time.strftime('%Y%m%d-%H%M%S')}-{_slug(name)}-{secrets.token_hex(2)}",
        run_name=name,
        model_name=config.registry.model or _slug(name),
        config=config.model_dump(mode="json"),
        base_dir=resolved.base_dir,
        choices=choices,
        config_path=resolved.path,
        allow_imports=options.allow_imports,
        resume=options.resume,
        resumed_from=options.resumed_from,
        parents=options.parents,
    )
    host.run_planned(plan)
    return plan


def config_to_keep(resolved: Resolved, cwd: Path) -> Config:
    """The config as a run folder keeps it: a path that was typed is made absolute, since nobody remembers where;
    one in a file stays relative to that file."""
    return _with_paths(resolved, cwd, typed_only=True)


def _with_paths(resolved: Resolved, cwd: Path, *, typed_only: bool = False) -> Config:
    """The config with its paths made absolute: one in a file starts there, one that was typed where it was typed."""
    config = resolved.config

    def absolute(key: str, value: str | None) -> str | None:
        if value is None:
            return None
        source = resolved.sources.get(key)
        typed = source is not None and source.kind in ("environment", "command line")
        if typed_only and not typed:
            return value
        return str((cwd if typed else resolved.base_dir).joinpath(Path(value).expanduser()).absolute())

    data = config.data
    folder = absolute("data.data_dir", data.data_dir)
    inside = (lambda key, value: value) if folder else absolute
    paths = {
        "train_path": inside("data.train_path", data.train_path),
        "val_path": inside("data.val_path", data.val_path),
    }
    where = absolute("experiment.output_dir", config.experiment.output_dir)
    return config.model_copy(
        update={
            "data": data.model_copy(update={"data_dir": folder, **paths}),
            "experiment": config.experiment.model_copy(update={"output_dir": where}),
        }
    )


def _refuse_what_is_not_built(config: Config) -> None:
    for key, asked in NOT_BUILT.items():
        if asked(config):
            raise ConfigValueError(f"{key} is set, and this release cannot do that yet", f"leave {key} out")


def _refuse_outside(config: Config) -> None:
    """A run writes and deletes in its own folder only, whatever its config says."""
    places = {"checkpoint.save_dir": config.checkpoint.save_dir, "logging.log_dir": config.logging.log_dir}
    for key, place in places.items():
        path = PurePath(place)
        if path.is_absolute() or ".." in path.parts or "\0" in place:
            raise ConfigValueError(
                f"{key}: {place!r} lies outside of the run folder",
                "give a name inside of it; experiment.output_dir says where run folders are",
            )


def _names(asked: _Asked) -> list[Choice]:
    """Which plugin or file each part comes from."""
    config, host = asked.config, asked.host
    choices = [_part("model", "models", asked), _data(asked)]
    task = config.experiment.task
    if task:
        choices.append(Choice("experiment.task", host.offer("tasks", task).name, "config"))
    else:
        choices.append(Choice("experiment.task", "classification", "no experiment.task; the most common one"))
    if config.loss.target and "loss" not in asked.options.live:
        find_target("loss.target", config.loss.target, asked.base_dir, asked.options.allow_imports)
    optimizer = config.optimizer.name or "AdamW"
    reason = "config" if config.optimizer.name else "no optimizer.name; a sound default for most models"
    choices.append(Choice("optimizer.name", host.offer("optimizers", optimizer).name, reason))
    if config.scheduler:
        choices += _scheduler(config, host)
    for tracker, settings in config.trackers.items():
        if settings.enabled:
            host.offer("trackers", tracker)
    for name in config.export.formats:
        host.offer("exporters", name)
    return [*choices, *_places(config, host)]


def _part(section: str, kind: Kind, asked: _Asked) -> Choice:
    settings, host = getattr(asked.config, section), asked.host
    if section in asked.options.live:
        return Choice(f"{section}.name", "(given)", "passed as an object")
    if settings.name and settings.target:
        raise ConfigValueError(f"{section}.name and {section}.target are both given", "keep the one that is meant")
    if settings.target:
        find_target(f"{section}.target", settings.target, asked.base_dir, asked.options.allow_imports)
        return Choice(f"{section}.target", settings.target, "config")
    if settings.name:
        offer = host.offer(kind, settings.name)
        return Choice(f"{section}.name", offer.name, f"plugin {offer.plugin} of {offer.distribution}")
    names = ", ".join(host.names(kind))
    raise MissingKeyError(
        f"{section}.name is missing: a run needs {'data' if section == 'data' else 'a model'}",
        f"give {section}.name ({names}), or {section}.target: ./file.py:function",
    )


def _data(asked: _Asked) -> Choice:
    data = asked.config.data
    if "data" not in asked.options.live and not (data.name or data.target) and data.train_path:
        if data.train_path.endswith(".csv"):
            return Choice("data.name", asked.host.offer("datasets", "csv").name, "data.train_path ends in .csv")
        raise MissingKeyError(
            f"data.name is missing: nothing tells how to read {data.train_path}",
            f"give data.name ({', '.join(asked.host.names('datasets'))}), or data.target: ./file.py:function",
        )
    return _part("data", "datasets", asked)


def _scheduler(config: Config, host: Host) -> list[Choice]:
    settings = config.scheduler
    assert settings is not None
    if not settings.name:
        raise MissingKeyError("scheduler.name is missing", f"there are: {', '.join(host.names('schedulers'))}")
    name = host.offer("schedulers", settings.name).name
    choices = [Choice("scheduler.name", name, "config")]
    if settings.interval is None:
        by_step = name == "OneCycleLR" or bool(settings.warmup_steps)
        why = "it counts optimizer steps" if by_step else "no scheduler.interval; the usual one"
        choices.append(Choice("scheduler.interval", "step" if by_step else "epoch", why))
    else:
        choices.append(Choice("scheduler.interval", settings.interval, "config"))
    return choices


def _places(config: Config, host: Host) -> list[Choice]:
    """Strategy and launcher. One process is what this machine's plugins must offer at least."""
    distributed, launcher = config.distributed, config.launcher
    strategy = distributed.strategy or ("deepspeed" if distributed.deepspeed else None)
    strategy = strategy or ("accelerate" if distributed.use_accelerate else None)
    offer = host.offer("strategies", strategy or "single")
    processes = (launcher.nproc or 1) * (launcher.nodes or 1)
    if processes > 1 and offer.name == "single":
        raise ConfigValueError(
            f"launcher asks for {processes} processes, and strategy 'single' is one",
            "leave launcher.nproc and launcher.nodes out, or name a strategy for several processes",
        )
    for key, asked in (
        ("launcher.num_gpus", (launcher.num_gpus or 0) > 1),
        ("distributed.zero_stage", distributed.zero_stage),
        ("distributed.sharding_strategy", distributed.sharding_strategy),
        ("distributed.devices", len(distributed.devices or ()) > 1),
    ):
        if asked and offer.name == "single":
            raise ConfigValueError(
                f"{key} is set, and strategy 'single' trains on one device",
                f"leave {key} out, or name a strategy for several devices",
            )
    chosen = host.offer("launchers", launcher.name or "local")
    return [
        Choice("distributed.strategy", offer.name, "config" if strategy else "one process"),
        Choice("launcher.name", chosen.name, _why_launcher(config, chosen.name)),
    ]


def _why_launcher(config: Config, chosen: str) -> str:
    """The reason, and which keys the local launcher has no use for: they are for a cluster's overlay."""
    launcher = config.launcher
    unused = [key for key in ("partition", "queue", "walltime", "memory") if getattr(launcher, key) is not None]
    reason = "config" if launcher.name else "no cluster was asked for"
    return f"{reason}; not used here: {', '.join(unused)}" if unused and chosen == "local" else reason


def _length(config: Config) -> list[Choice]:
    training = config.training
    if not (training.epochs or training.max_steps or training.debug):
        raise MissingKeyError(
            "training.epochs is missing: a run needs an end", "give training.epochs or training.max_steps"
        )
    seed = config.experiment.seed
    choices = [
        Choice("experiment.seed", DEFAULT_SEED if seed is None else seed, "config" if seed is not None else "default")
    ]
    batch, target = training.batch_size, training.target_batch_size
    if batch is None:
        batch = min(DEFAULT_BATCH_SIZE, target or DEFAULT_BATCH_SIZE)
        choices.append(Choice("training.batch_size", batch, "default"))
    else:
        choices.append(Choice("training.batch_size", batch, "config"))
    accumulate, reason = training.gradient_accumulation_steps, "config"
    if target:
        if target % batch:
            raise ConfigValueError(
                f"training.target_batch_size {target} is no multiple of the batch size {batch}",
                "give a batch size that divides it",
            )
        accumulate, reason = target // batch, f"{target} samples a step from batches of {batch}"
    return [*choices, Choice("training.gradient_accumulation_steps", accumulate, reason)]


def _device(config: Config, hardware: Hardware) -> list[Choice]:
    wanted, devices = config.training.device, config.distributed.devices
    usable = bool(hardware.gpus) and hardware.cuda_build
    if wanted == "cuda" and not usable:
        why = "this machine has none" if not hardware.gpus else "the installed torch was built without CUDA"
        raise ConfigValueError(f"training.device is cuda, and {why}", "leave training.device out")
    device: str
    if wanted != "auto":
        device, reason = wanted, "config"
    elif usable:
        device, reason = "cuda", f"{hardware.gpus[0].name} found"
    elif hardware.metal:
        device, reason = "mps", "Apple GPU found"
    elif hardware.gpus:
        device, reason = "cpu", "the installed torch was built without CUDA"
    else:
        device, reason = "cpu", "no GPU found"
    if device == "cuda" and devices:
        device, reason = f"cuda:{devices[0]}", "distributed.devices"
    return [Choice("training.device", device, reason), _precision(config, device, hardware)]


def _precision(config: Config, device: str, hardware: Hardware) -> Choice:
    """32 bits unless asked; what was asked for, where the device helps with it."""
    asked, mixed = config.training.precision, config.training.mixed_precision
    key = "training.precision"
    if mixed is False or (asked in ("auto", "32") and not mixed):
        return Choice(
            key, "32", "mixed_precision is off" if mixed is False else "config" if asked == "32" else "default"
        )
    if asked == "bf16-mixed":
        return Choice(key, asked, "config")
    if not device.startswith("cuda"):
        return Choice(key, "32", f"mixed precision is off: it does not help on {device}")
    if asked == "16-mixed":
        return Choice(key, asked, "config")
    name = "bf16-mixed" if hardware.gpus and hardware.gpus[0].likes_bf16 else "16-mixed"
    return Choice(key, name, f"mixed_precision on {hardware.gpus[0].name if hardware.gpus else device}")


def _measures(config: Config, host: Host) -> list[Choice]:
    task: Task = host.offer("tasks", config.experiment.task or "classification").factory()
    evaluator = config.evaluation.evaluator.name
    nothing = evaluator is not None and evaluator.lower() == NO_EVALUATOR
    monitor = config.checkpoint.monitor or ("val/loss" if nothing else task.monitor)
    mode = config.checkpoint.mode or mode_of(monitor)
    return [
        Choice(
            "loss.name", config.loss.target or config.loss.name or task.loss, "config" if _given(config) else "task"
        ),
        Choice(
            "evaluation.evaluator.name",
            NO_EVALUATOR if nothing else host.offer("evaluators", evaluator or task.evaluator).name,
            "config" if evaluator else "task",
        ),
        Choice(
            "checkpoint.monitor",
            monitor,
            "config" if config.checkpoint.monitor else "no evaluator" if nothing else "task",
        ),
        Choice("checkpoint.mode", mode, "config" if config.checkpoint.mode else f"from the name {monitor!r}"),
    ]


def _given(config: Config) -> bool:
    return bool(config.loss.target or config.loss.name)


def _loading(config: Config) -> list[Choice]:
    workers = config.data.num_workers
    if workers is None:
        return [Choice("data.num_workers", 0, "samples are loaded in the training process; more for slow datasets")]
    return [Choice("data.num_workers", workers, "config")]


def _run_name(config: Config, choices: list[Choice]) -> str:
    """`simple_cnn` on `digits` → digits-simple-cnn."""

    def short(section: str) -> str:
        value = next(str(c.value) for c in choices if c.key in (f"{section}.name", f"{section}.target"))
        return value.rpartition(":")[0].rpartition("/")[2].removesuffix(".py") if ":" in value else value.strip("()")

    return f"{short('data')}-{short('model')}"


def _slug(text: str) -> str:
    """A name that folders and the registry accept, from any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "run"
