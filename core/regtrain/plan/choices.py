"""The automatic choices of a run that are no names: each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from regtrain.checkpoint.directions import mode_of
from regtrain.checkpoint.keep import Mode
from regtrain.config import Config
from regtrain.errors import ConfigValueError, Guard, MissingKeyError, PluginError
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.types import Choice, Task

__all__ = ["NO_EVALUATOR", "choose_device", "choose_length", "choose_loading", "choose_measures", "declared_directions"]

DEFAULT_SEED = 42
DEFAULT_BATCH_SIZE = 32
NO_EVALUATOR = "none"


def choose_length(config: Config) -> list[Choice]:
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


def choose_device(config: Config, hardware: Hardware) -> list[Choice]:
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


def choose_measures(config: Config, host: Host) -> list[Choice]:
    """Loss, evaluator, and what is compared by which metric in which direction.

    Raises:
        ConfigValueError: whether less or more of a metric is better is not known.
    """
    offer = host.offer("tasks", config.experiment.task or "classification")
    with Guard() as call:
        task: Task = offer.factory()
    call.check(f"task {offer.name!r}")
    named = config.evaluation.evaluator.name
    nothing = named is not None and named.lower() == NO_EVALUATOR
    evaluator = NO_EVALUATOR if nothing else host.offer("evaluators", named or task.evaluator).name
    keys = config.checkpoint
    monitor = keys.monitor or ("val/loss" if nothing else task.monitor)
    compared = keys.save_best or keys.keep_top_k
    declared = declared_directions(host, evaluator, task)
    mode, why = keys.mode, "config"
    if mode is None and not compared:
        mode, why = "min", "nothing is compared"
    elif mode is None:
        mode, why = mode_of(monitor, "checkpoint.mode", declared), f"of {monitor!r}"
    return [
        *_loss(config, task),
        Choice("evaluation.evaluator.name", evaluator, "config" if named else "task"),
        Choice("checkpoint.monitor", monitor, "config" if keys.monitor else "no evaluator" if nothing else "task"),
        Choice("checkpoint.mode", mode, why),
        *_early_stopping(config, monitor, keys.mode, declared),
        *_plateau(config, host, declared),
    ]


def declared_directions(host: Host, evaluator: str, task: Task) -> Mapping[str, Mode]:
    """Bare name of a metric → direction, as task and evaluator declare them; neither is built for that.

    Raises:
        PluginError: what is declared is no direction.
    """
    factory = None if evaluator == NO_EVALUATOR else host.offer("evaluators", evaluator).factory
    found: dict[str, Mode] = {}
    for what, thing in (("task", task), (f"evaluator {evaluator!r}", factory)):
        declared = getattr(thing, "directions", {})
        if not isinstance(declared, Mapping) or not all(mode in ("min", "max") for mode in declared.values()):
            raise PluginError(
                f"the directions of {what} are {declared!r}",
                "its plugin has to declare a mapping of names to min or max, as an attribute of the class",
            )
        found |= declared
    return found


def _early_stopping(config: Config, monitor: str, mode: Mode | None, declared: Mapping[str, Mode]) -> list[Choice]:
    keys = config.early_stopping
    if not keys or not keys.enabled:
        return []
    watched = keys.monitor or monitor
    same = mode if watched == monitor else None
    found = keys.mode or same or mode_of(watched, "early_stopping.mode", declared)
    reason = "config" if keys.mode else "as checkpoint.mode" if same else f"of {watched!r}"
    return [
        Choice("early_stopping.monitor", watched, "config" if keys.monitor else "as checkpoint.monitor"),
        Choice("early_stopping.mode", found, reason),
    ]


def _plateau(config: Config, host: Host, declared: Mapping[str, Mode]) -> list[Choice]:
    """A schedule that follows a metric gets its direction; torch's own default is `min` for every metric."""
    keys = config.scheduler
    if not keys or not keys.name or not host.offer("schedulers", keys.name).traits.get("follows_metric"):
        return []
    if "mode" in keys.args or keys.monitor is None:
        return []
    return [Choice("scheduler.mode", mode_of(keys.monitor, "scheduler.mode", declared), f"of {keys.monitor!r}")]


def _loss(config: Config, task: Task) -> list[Choice]:
    """A loss from the user's own file has no name."""
    if config.loss.target:
        return [Choice("loss.target", config.loss.target, "config")]
    return [Choice("loss.name", config.loss.name or task.loss, "config" if config.loss.name else "task")]


def choose_loading(config: Config) -> list[Choice]:
    workers = config.data.num_workers
    if workers is None:
        return [Choice("data.num_workers", 0, "samples are loaded in the training process; more for slow datasets")]
    return [Choice("data.num_workers", workers, "config")]
