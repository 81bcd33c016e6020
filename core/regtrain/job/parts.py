"""Plan → the objects that the loop works with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from regtrain.checkpoint.folder import Checkpoints
from regtrain.errors import ConfigValueError, DataError, nearest
from regtrain.job.data import as_splits, check_splits
from regtrain.job.making import Job, factory_of, make, origin_of, target_of
from regtrain.job.settings import early_stopping_of, settings_of
from regtrain.plan import NO_EVALUATOR
from regtrain.targets import accepted_arguments, load_target
from regtrain.trainer import Batches, Parts, Precision
from regtrain.trainer.randomness import seed_all
from regtrain.types import Schedule, Splits, Strategy, chosen

__all__ = ["build_data", "build_model", "build_parts"]

DATA_KEYS = ("data_dir", "train_path", "val_path", "image_size", "augmentation")


def build_data(job: Job) -> Splits:
    origin = origin_of(job.plan, "data")
    if job.given.data is not None:
        splits = job.given.data
    else:
        factory = factory_of(job, "data", "datasets")
        settings = job.config.data.model_dump(mode="json")
        args = {key: settings[key] for key in DATA_KEYS if settings[key] is not None} | job.config.data.args
        splits = as_splits(make(factory, args, origin, "data"), origin)
    check_splits(splits, origin)
    return splits


def build_model(job: Job) -> nn.Module:
    if job.given.model is not None:
        return job.given.model
    origin = origin_of(job.plan, "model")
    keys = job.config.model
    args = {**keys.args}
    if keys.pretrained is not None:
        args["pretrained"] = keys.pretrained
    model = make(factory_of(job, "model", "models"), args, origin, "model")
    if not isinstance(model, nn.Module):
        raise ConfigValueError(f"{origin} returned a {type(model).__name__}", "return a torch.nn.Module")
    if not any(p.requires_grad for p in model.parameters()):
        raise ConfigValueError(f"{origin} has no parameter that learns", "leave at least one with requires_grad")
    return model


def _build_loss(job: Job) -> Callable[..., torch.Tensor]:
    if job.given.criterion is not None:
        return job.given.criterion
    keys = job.config.loss
    target = target_of(job.plan, "loss")
    if target:
        factory, origin = load_target(target), f"loss.target {keys.target}"
    else:
        factory, origin = _torch_loss(chosen(keys.name)), f"loss.name {keys.name}"
    return cast("Callable[..., torch.Tensor]", make(factory, keys.args, origin, "loss"))


def _torch_loss(name: str) -> Callable[..., Any]:
    losses = {n.lower(): n for n in dir(nn) if n.endswith("Loss")}
    if name.lower() not in losses:
        near = nearest(name, losses.values()) or sorted(losses.values())
        raise ConfigValueError(f"loss.name: torch.nn has no {name!r}", f"nearest: {', '.join(near)}")
    return cast("Callable[..., Any]", getattr(nn, losses[name.lower()]))


def _build_optimizer(job: Job, model: nn.Module) -> torch.optim.Optimizer:
    """Arguments that the optimizer does not take are named and left out; with `optimizer.strict` they are an error."""
    name, keys = job.plan.optimizer, job.config.optimizer
    factory = job.host.offer("optimizers", name).factory
    args = dict(keys.args)
    accepted = accepted_arguments(factory)
    for unknown in [key for key in args if accepted is not None and key not in accepted]:
        near = nearest(unknown, accepted or ())
        line = f"optimizer.{unknown}: {name} takes no {unknown!r}" + (f"; nearest: {', '.join(near)}" if near else "")
        if keys.strict:
            raise ConfigValueError(line, f"it takes: {', '.join(sorted((accepted or set()) - {'params'}))}")
        job.log.warning("%s; left out", line)
        del args[unknown]
    if keys.lr is not None:
        args["lr"] = keys.lr
    parameters = [p for p in model.parameters() if p.requires_grad]

    def with_parameters(**rest: Any) -> torch.optim.Optimizer:
        return cast("torch.optim.Optimizer", factory(parameters, **_tuples(rest)))

    return cast("torch.optim.Optimizer", make(with_parameters, args, f"optimizer {name}", "optimizer"))


def _tuples(args: dict[str, Any]) -> dict[str, Any]:
    """YAML has lists where torch wants tuples (`betas`)."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in args.items()}


def _build_scheduler(job: Job, optimizer: torch.optim.Optimizer, schedule: Schedule) -> LRScheduler | None:
    keys = job.config.scheduler
    if not keys:
        return None
    name = chosen(keys.name)
    extra = {"warmup_epochs": keys.warmup_epochs, "warmup_steps": keys.warmup_steps, "min_lr": keys.min_lr}
    factory = job.host.offer("schedulers", name).factory
    args = {**keys.args, **{key: value for key, value in extra.items() if value is not None}}
    with warnings.catch_warnings():
        # SequentialLR steps its parts while it is made, before the optimizer has made a step
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        made = make(lambda **rest: factory(optimizer, schedule, **rest), args, f"scheduler {name}", "scheduler")
    return cast("LRScheduler", made)


def _batches(job: Job, splits: Splits, name: str) -> Batches | None:
    dataset = getattr(splits, name)
    if dataset is None:
        return None
    data, training = job.config.data, job.config.training
    cuda = job.device.startswith("cuda")
    workers = chosen(data.num_workers)
    made = Batches(
        dataset,
        chosen(training.batch_size),
        seed=job.plan.seed,
        shuffle=name == "train",
        drop_last=data.drop_last and name == "train",
        collate=splits.collate,
        workers=workers,
        pin_memory=cuda if data.pin_memory is None else data.pin_memory,
        persistent_workers=bool(workers) and data.persistent_workers is not False,
        prefetch_factor=data.prefetch_factor if workers else None,
        limit=1 if training.debug else None,
    )
    if len(made) == 0:
        raise DataError(
            f"the {name} data have {made.samples} samples, fewer than one batch of {made.batch_size}",
            "lower training.batch_size or set data.drop_last: false",
        )
    return made


def build_parts(job: Job, splits: Splits, model: nn.Module, checkpoints: Checkpoints) -> tuple[Parts, Schedule]:
    """Everything but the trackers, which want to know where the run stands."""
    plan, host = job.plan, job.host
    make_strategy = host.offer("strategies", plan.strategy).factory
    strategy: Strategy = make_strategy(job.device)
    model = strategy.prepare(model)
    criterion = _build_loss(job)
    if isinstance(criterion, nn.Module):
        criterion = strategy.prepare(criterion)
    optimizer = _build_optimizer(job, model)
    train, val = _batches(job, splits, "train"), _batches(job, splits, "val")
    assert train is not None
    policy, early_stopping = checkpoints.policy, early_stopping_of(job.config, checkpoints.policy)
    watched = [policy.monitor] if policy.save_best or policy.keep_top_k else []
    watched += [early_stopping.monitor] if early_stopping else []
    settings, schedule = settings_of(job, len(train), val is not None, watched)
    if val and not settings.validate_every_steps and settings.validate_every_epochs > settings.epochs:
        job.log.warning(
            "evaluation.every_n_epochs is %d and the run has %d epochs: the validation data are not used, "
            "and the last checkpoint stands in for the best",
            settings.validate_every_epochs,
            settings.epochs,
        )
    scheduler = _build_scheduler(job, optimizer, schedule)
    args = job.config.evaluation.evaluator.args
    name = plan.evaluator
    evaluator = None
    if val and name != NO_EVALUATOR:
        make_evaluator = host.offer("evaluators", name).factory
        evaluator = make(make_evaluator, args, "evaluator", "evaluation.evaluator")
    seed_all(plan.seed)
    parts = Parts(
        model=model,
        task=host.offer("tasks", plan.task).factory(),
        criterion=criterion,
        optimizer=optimizer,
        train=train,
        strategy=strategy,
        precision=Precision(job.config.training.precision, strategy.device),
        checkpoints=checkpoints,
        settings=settings,
        scheduler=scheduler,
        val=val,
        evaluator=evaluator,
        early_stopping=early_stopping,
        config=plan.public.model_dump(mode="json"),  # a registered checkpoint is shared
    )
    return parts, schedule
