"""Plan → the objects that the loop works with."""

from __future__ import annotations

import inspect
import logging
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from regtrain.checkpoint.folder import Checkpoints
from regtrain.checkpoint.keep import KeepPolicy, mode_of
from regtrain.errors import ConfigValueError, DataError, EnvironmentFault, RegtrainError, brief, nearest
from regtrain.host import Host
from regtrain.job.data import as_splits, check_splits
from regtrain.job.events import Events
from regtrain.plan import NO_EVALUATOR
from regtrain.run_dir import RunDir
from regtrain.secrets import without_secrets
from regtrain.targets import Target, accepted_arguments, find_target, load_target
from regtrain.trainer import Batches, EarlyStopping, Parts, Precision, Settings
from regtrain.trainer.randomness import seed_all
from regtrain.types import Kind, Plan, Schedule, Splits, Strategy, Tracker

__all__ = ["Job", "Live", "build_data", "build_model", "build_parts", "keep_policy", "target_of"]

DATA_KEYS = ("data_dir", "train_path", "val_path", "image_size", "augmentation")


@dataclass
class Live:
    """Objects that a Python caller brings along, instead of names in a config."""

    model: nn.Module | None = None
    data: Splits | None = None
    criterion: Callable[..., torch.Tensor] | None = None
    trackers: list[Tracker] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What every step of the launched side works from."""

    run_dir: RunDir
    plan: Plan
    host: Host
    live: Live
    log: logging.Logger
    events: Events

    @property
    def watched(self) -> bool:
        """A person watches a terminal."""
        return sys.stderr.isatty()


def _origin(plan: Plan, section: str) -> str:
    """Where a part comes from, for people: `data.name digits`, `model.target ./model.py:build`."""
    chosen = next(c for c in plan.choices if c.key in (f"{section}.name", f"{section}.target"))
    return f"{chosen.key} {chosen.value}"


def target_of(plan: Plan, section: str) -> Target | None:
    text = plan.config[section]["target"]
    return find_target(f"{section}.target", text, plan.base_dir, plan.allow_imports) if text else None


def _factory(job: Job, section: str, kind: Kind) -> Callable[..., Any]:
    target = target_of(job.plan, section)
    return load_target(target) if target else job.host.offer(kind, str(job.plan.choice(f"{section}.name"))).factory


def _make(factory: Callable[..., Any], args: Mapping[str, Any], origin: str, section: str) -> Any:
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


def build_data(job: Job) -> Splits:
    origin = _origin(job.plan, "data")
    if job.live.data is not None:
        splits = job.live.data
    else:
        factory = _factory(job, "data", "datasets")
        settings = job.plan.config["data"]
        args = {key: settings[key] for key in DATA_KEYS if settings[key] is not None} | settings["args"]
        splits = as_splits(_make(factory, args, origin, "data"), origin)
    check_splits(splits, origin)
    return splits


def build_model(job: Job) -> nn.Module:
    if job.live.model is not None:
        return job.live.model
    origin = _origin(job.plan, "model")
    settings = job.plan.config["model"]
    args = {**settings["args"]}
    if settings["pretrained"] is not None:
        args["pretrained"] = settings["pretrained"]
    model = _make(_factory(job, "model", "models"), args, origin, "model")
    if not isinstance(model, nn.Module):
        raise ConfigValueError(f"{origin} returned a {type(model).__name__}", "return a torch.nn.Module")
    if not any(p.requires_grad for p in model.parameters()):
        raise ConfigValueError(f"{origin} has no parameter that learns", "leave at least one with requires_grad")
    return model


def _build_loss(job: Job) -> Callable[..., torch.Tensor]:
    if job.live.criterion is not None:
        return job.live.criterion
    settings = job.plan.config["loss"]
    target = target_of(job.plan, "loss")
    name = str(job.plan.choice("loss.name"))
    if target:
        factory, origin = load_target(target), f"loss.target {settings['target']}"
    else:
        factory, origin = _torch_loss(name), f"loss.name {name}"
    return cast("Callable[..., torch.Tensor]", _make(factory, settings["args"], origin, "loss"))


def _torch_loss(name: str) -> Callable[..., Any]:
    losses = {n.lower(): n for n in dir(nn) if n.endswith("Loss")}
    if name.lower() not in losses:
        near = nearest(name, losses.values()) or sorted(losses.values())
        raise ConfigValueError(f"loss.name: torch.nn has no {name!r}", f"nearest: {', '.join(near)}")
    return cast("Callable[..., Any]", getattr(nn, losses[name.lower()]))


def _build_optimizer(job: Job, model: nn.Module) -> torch.optim.Optimizer:
    """Arguments that the optimizer does not take are named and left out; with `optimizer.strict` they are an error."""
    name = str(job.plan.choice("optimizer.name"))
    settings = job.plan.config["optimizer"]
    factory = job.host.offer("optimizers", name).factory
    args = dict(settings["args"])
    accepted = accepted_arguments(factory)
    for unknown in [key for key in args if accepted is not None and key not in accepted]:
        near = nearest(unknown, accepted or ())
        line = f"optimizer.{unknown}: {name} takes no {unknown!r}" + (f"; nearest: {', '.join(near)}" if near else "")
        if settings["strict"]:
            raise ConfigValueError(line, f"it takes: {', '.join(sorted((accepted or set()) - {'params'}))}")
        job.log.warning("%s; left out", line)
        del args[unknown]
    if settings["lr"] is not None:
        args["lr"] = settings["lr"]
    parameters = [p for p in model.parameters() if p.requires_grad]

    def make(**rest: Any) -> torch.optim.Optimizer:
        return cast("torch.optim.Optimizer", factory(parameters, **_tuples(rest)))

    return cast("torch.optim.Optimizer", _make(make, args, f"optimizer {name}", "optimizer"))


def _tuples(args: dict[str, Any]) -> dict[str, Any]:
    """YAML has lists where torch wants tuples (`betas`)."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in args.items()}


def _build_scheduler(job: Job, optimizer: torch.optim.Optimizer, schedule: Schedule) -> LRScheduler | None:
    settings = job.plan.config["scheduler"]
    if not settings:
        return None
    name = str(job.plan.choice("scheduler.name"))
    extra = {key: settings[key] for key in ("warmup_epochs", "warmup_steps", "min_lr") if settings[key] is not None}
    factory = job.host.offer("schedulers", name).factory
    args = {**settings["args"], **extra}
    with warnings.catch_warnings():
        # SequentialLR steps its parts while it is made, before the optimizer has made a step
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        made = _make(lambda **rest: factory(optimizer, schedule, **rest), args, f"scheduler {name}", "scheduler")
    return cast("LRScheduler", made)


def _batches(plan: Plan, splits: Splits, name: str) -> Batches | None:
    dataset = getattr(splits, name)
    if dataset is None:
        return None
    data, training = plan.config["data"], plan.config["training"]
    cuda = str(plan.choice("training.device")).startswith("cuda")
    workers = int(plan.choice("data.num_workers"))
    made = Batches(
        dataset,
        int(plan.choice("training.batch_size")),
        seed=int(plan.choice("experiment.seed")),
        shuffle=name == "train",
        drop_last=data["drop_last"] and name == "train",
        collate=splits.collate,
        workers=workers,
        pin_memory=cuda if data["pin_memory"] is None else data["pin_memory"],
        persistent_workers=bool(workers) and data["persistent_workers"] is not False,
        prefetch_factor=data["prefetch_factor"] if workers else None,
        limit=1 if training["debug"] else None,
    )
    if len(made) == 0:
        raise DataError(
            f"the {name} data have {made.samples} samples, fewer than one batch of {made.batch_size}",
            "lower training.batch_size or set data.drop_last: false",
        )
    return made


def _settings(job: Job, batches: int, val: bool, watched: Sequence[str]) -> tuple[Settings, Schedule]:
    plan = job.plan
    config, training = plan.config, plan.config["training"]
    accumulate = int(plan.choice("training.gradient_accumulation_steps"))
    per_epoch = -(-batches // accumulate)
    epochs, max_steps = training["epochs"], training["max_steps"]
    if training["debug"]:
        epochs, max_steps = 1, None
    epochs = epochs or -(-max_steps // per_epoch)
    total = min(epochs * per_epoch, max_steps or epochs * per_epoch)
    interval: Literal["epoch", "step"] = plan.choice("scheduler.interval") if config["scheduler"] else "epoch"
    monitor = (config["scheduler"] or {}).get("monitor") or ("val/loss" if val else "train/loss")
    settings = Settings(
        epochs=epochs,
        max_steps=max_steps,
        accumulate=accumulate,
        clip=training["gradient_clip_norm"],
        log_every=config["logging"]["every_n_steps"],
        validate_every_epochs=config["evaluation"]["every_n_epochs"],
        validate_every_steps=config["evaluation"]["every_n_steps"],
        save_every_steps=config["checkpoint"]["every_n_steps"],
        scheduler_interval=interval,
        scheduler_monitor=monitor,
        metrics=_metrics(config["evaluation"]["metrics"]),
        watched=job.watched,
        monitored=[*watched, *([monitor] if _is_plateau(plan) else [])],
    )
    return settings, Schedule(epochs, per_epoch, total, interval)


def _metrics(names: Sequence[str] | None) -> list[str] | None:
    """Bare names of metrics as evaluators call them."""
    spellings = {"f1_score": "f1"}
    return None if names is None else [spellings.get(n, n) for n in (name.removeprefix("val/") for name in names)]


def _is_plateau(plan: Plan) -> bool:
    return bool(plan.config["scheduler"]) and plan.choice("scheduler.name") in ("ReduceLROnPlateau", "plateau")


def keep_policy(plan: Plan, val: bool) -> KeepPolicy:
    config = plan.config["checkpoint"]
    monitor, mode = str(plan.choice("checkpoint.monitor")), plan.choice("checkpoint.mode")
    if not val and monitor.startswith("val/"):
        monitor, mode = "train/loss", "min"
    names = ("save_best", "save_last", "every_n_epochs", "every_n_steps", "keep_top_k")
    return KeepPolicy(monitor, mode, **{name: config[name] for name in names})


def build_parts(job: Job, splits: Splits, model: nn.Module, checkpoints: Checkpoints) -> tuple[Parts, Schedule]:
    """Everything but the trackers, which want to know where the run stands."""
    plan, host = job.plan, job.host
    make_strategy = host.offer("strategies", str(plan.choice("distributed.strategy"))).factory
    strategy: Strategy = make_strategy(str(plan.choice("training.device")))
    model = strategy.prepare(model)
    criterion = _build_loss(job)
    if isinstance(criterion, nn.Module):
        criterion = strategy.prepare(criterion)
    optimizer = _build_optimizer(job, model)
    train, val = _batches(plan, splits, "train"), _batches(plan, splits, "val")
    assert train is not None
    policy, early_stopping = checkpoints.policy, _early_stopping(plan, checkpoints.policy)
    watched = [policy.monitor] if policy.save_best or policy.keep_top_k else []
    watched += [early_stopping.monitor] if early_stopping else []
    settings, schedule = _settings(job, len(train), val is not None, watched)
    if val and not settings.validate_every_steps and settings.validate_every_epochs > settings.epochs:
        job.log.warning(
            "evaluation.every_n_epochs is %d and the run has %d epochs: the validation data are not used, "
            "and the last checkpoint stands in for the best",
            settings.validate_every_epochs,
            settings.epochs,
        )
    scheduler = _build_scheduler(job, optimizer, schedule)
    args = plan.config["evaluation"]["evaluator"]["args"]
    name = str(plan.choice("evaluation.evaluator.name"))
    evaluator = None
    if val and name != NO_EVALUATOR:
        make_evaluator = host.offer("evaluators", name).factory
        evaluator = _make(make_evaluator, args, "evaluator", "evaluation.evaluator")
    seed_all(int(plan.choice("experiment.seed")))
    parts = Parts(
        model=model,
        task=host.offer("tasks", str(plan.choice("experiment.task"))).factory(),
        criterion=criterion,
        optimizer=optimizer,
        train=train,
        strategy=strategy,
        precision=Precision(str(plan.choice("training.precision")), strategy.device),
        checkpoints=checkpoints,
        settings=settings,
        scheduler=scheduler,
        val=val,
        evaluator=evaluator,
        early_stopping=early_stopping,
        config=without_secrets(plan.config),  # a registered checkpoint is shared
    )
    return parts, schedule


def _early_stopping(plan: Plan, policy: KeepPolicy) -> EarlyStopping | None:
    settings = plan.config["early_stopping"]
    if not settings or not settings["enabled"]:
        return None
    monitor = settings["monitor"] or policy.monitor
    mode = settings["mode"] or (policy.mode if monitor == policy.monitor else mode_of(monitor))
    return EarlyStopping(monitor, mode, settings["patience"], settings["min_delta"])
