"""Plan → the objects that the loop works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from regtrain.checkpoint.folder import Checkpoints
from regtrain.errors import ConfigValueError, DataError, brief, nearest
from regtrain.job.data import as_splits, check_splits
from regtrain.job.evidence import measures_of
from regtrain.job.making import Job, factory_of, make, origin_of, target_of
from regtrain.job.optimizers import build_optimizers, followed_metrics
from regtrain.job.settings import early_stopping_of, monitored_metrics, settings_of
from regtrain.plan import NO_EVALUATOR
from regtrain.targets import load_target
from regtrain.trainer import Batches, DefaultEngine, Parts, Settings, Trainable
from regtrain.trainer.randomness import mixed, seed_all
from regtrain.types import (
    EngineSetup,
    Evaluator,
    Indexed,
    Place,
    Schedule,
    Splits,
    Strategy,
    Task,
    TaskContext,
    chosen,
)

__all__ = ["build_data", "build_model", "build_parts"]

CLASS_WEIGHTS = ("weight", "pos_weight")
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
    args = keys.args if target else _as_tensors(keys.args)
    return cast("Callable[..., torch.Tensor]", make(factory, args, origin, "loss"))


def _as_tensors(args: Mapping[str, Any]) -> dict[str, Any]:
    """Weights of classes are tensors in torch, and lists of numbers in YAML.

    Raises:
        ConfigValueError: weights that are no list of numbers.
    """
    found = dict(args)
    for key in CLASS_WEIGHTS:
        value = args.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(type(item) in (int, float) for item in value):
            raise ConfigValueError(f"loss.{key} is {value!r}", "give a list with one number for each class: [1, 1, 2]")
        found[key] = torch.tensor(value, dtype=torch.float32)
    return found


def _torch_loss(name: str) -> Callable[..., Any]:
    losses = {n.lower(): n for n in dir(nn) if n.endswith("Loss")}
    if name.lower() not in losses:
        near = nearest(name, losses.values()) or sorted(losses.values())
        raise ConfigValueError(f"loss.name: torch.nn has no {name!r}", f"nearest: {', '.join(near)}")
    return cast("Callable[..., Any]", getattr(nn, losses[name.lower()]))


def _batches(job: Job, place: Place, splits: Splits, name: str, indexed: bool) -> Batches | None:
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
        place=place,
        even=name == "train",
        indexed=indexed,
    )
    if len(made) == 0:
        raise DataError(
            f"the {name} data have {made.samples} samples, fewer than one batch of {made.batch_size}",
            "lower training.batch_size or set data.drop_last: false",
        )
    return made


def build_parts(
    job: Job, strategy: Strategy, splits: Splits, model: nn.Module, checkpoints: Checkpoints, data: Mapping[str, str]
) -> tuple[Parts, Schedule]:
    """Everything but the callbacks, which want to know where the run begins.

    Args:
        data: digests of the data, which metrics depend on.
    """
    plan = job.plan
    offer = job.host.offer("tasks", plan.task)
    origin = "experiment.task_args"
    task: Task = make(offer.factory, job.config.experiment.task_args, f"task {offer.name}", origin)
    indexed = bool(offer.traits.get("indices"))
    train = _batches(job, strategy.place, splits, "train", indexed)
    val = _batches(job, strategy.place, splits, "val", indexed)
    assert train is not None
    criterion = _build_loss(job)
    _materialise(model, task, criterion, train)
    trainable = Trainable(model, _modules_of(task, train, val, model), criterion)
    settings, schedule = settings_of(job, len(train), strategy.place.world_size)
    engine = strategy.prepare(
        EngineSetup(
            trainable,
            lambda: build_optimizers(job, trainable, task.model_role, schedule, val is not None),
            precision=job.config.training.precision,
            accumulate=settings.accumulate,
            clip=job.config.training.gradient_clip_norm,
            engine=DefaultEngine,
        )
    )
    early_stopping = early_stopping_of(job.config)
    monitored = [*monitored_metrics(checkpoints.policy, early_stopping), *followed_metrics(engine.parts)]
    _warn_where_never_validated(job, settings, val is not None)
    evaluator = _evaluator(job) if val else None
    seed_all(plan.seed if strategy.place.is_main else mixed(plan.seed, strategy.place.rank))
    parts = Parts(
        engine=engine,
        task=task,
        criterion=criterion,
        train=train,
        strategy=strategy,
        checkpoints=checkpoints,
        settings=replace(settings, monitored=monitored),
        val=val,
        evaluator=evaluator,
        early_stopping=early_stopping,
        stateful=_stateful(criterion, task, evaluator, splits),
        measures=measures_of(job, data),
        config=plan.public.model_dump(mode="json"),  # a registered checkpoint is shared
        log=job.log,
    )
    return parts, schedule


def _modules_of(task: Task, train: Batches, val: Batches | None, model: nn.Module) -> Mapping[str, nn.Module]:
    bind = getattr(task, "bind", None)
    return bind(TaskContext(train.samples, val.samples if val else 0, model)) if bind else {}


def _materialise(model: nn.Module, task: Task, criterion: Any, train: Batches) -> None:
    """Lazy modules get their shapes from a batch, before optimizers and other processes need them.

    Raises:
        ConfigValueError: the batch does not go through the model.
    """
    if not any(
        isinstance(p, UninitializedParameter | UninitializedBuffer) for p in (*model.parameters(), *model.buffers())
    ):
        return
    was_training = model.training
    model.eval()  # running statistics stay as they are
    batch = train.fetch()
    try:
        with torch.no_grad():
            model(*task.sample(batch.batch if isinstance(batch, Indexed) else batch).args)
    except (RuntimeError, TypeError, ValueError) as problem:
        raise ConfigValueError(
            f"the model's lazy modules cannot be given a shape by the first batch: {brief(problem)}",
            "check the shape of the inputs",
        ) from problem
    model.train(was_training)


def _evaluator(job: Job) -> Evaluator | None:
    if job.plan.evaluator == NO_EVALUATOR:
        return None
    factory = job.host.offer("evaluators", job.plan.evaluator).factory
    args = job.config.evaluation.evaluator.args
    return make(factory, args, "evaluator", "evaluation.evaluator")  # type: ignore[no-any-return]


def _stateful(criterion: Any, task: Task, evaluator: Evaluator | None, splits: Splits) -> dict[str, Any]:
    """What keeps state of its own besides the modules of the engine."""
    candidates = {
        "loss": None if isinstance(criterion, nn.Module) else criterion,
        "task": task,
        "evaluator": evaluator,
        "collate": splits.collate,
        "data.train": splits.train,
        "data.val": splits.val,
    }
    return {
        name: thing
        for name, thing in candidates.items()
        if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")
    }


def _warn_where_never_validated(job: Job, settings: Settings, val: bool) -> None:
    if val and not settings.validate_every_steps and settings.validate_every_epochs > settings.epochs:
        job.log.warning(
            "evaluation.every_n_epochs is %d and the run has %d epochs: the validation data are not used, "
            "and the last checkpoint is used as the best",
            settings.validate_every_epochs,
            settings.epochs,
        )
