"""The state of a training as one tree, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from regtrain.checkpoint.folder import TrainingState
from regtrain.trainer.engine import plateau
from regtrain.trainer.parts import Parts, Progress
from regtrain.trainer.randomness import restore, snapshot

__all__ = ["load_state", "order_of", "parameter_names", "training_state"]


def order_of(parts: Parts) -> dict[str, int]:
    """What the order of an epoch follows from; the number of processes may change where a step stays the same."""
    step = parts.settings.accumulate * parts.strategy.place.world_size
    return {**parts.train.order, "batches_per_step": step}


def parameter_names(parts: Parts) -> dict[str, list[str]]:
    """Names of the parameters of each optimizer, in the order in which torch keeps their state, which has no names."""
    names = {id(p): name.replace("_orig_mod.", "") for name, p in parts.engine.trainable.named_parameters()}
    return {
        part.name: [names.get(id(p), "") for group in part.optimizer.param_groups for p in group["params"]]
        for part in parts.engine.parts
    }


def training_state(parts: Parts, progress: Progress, rng: dict[str, Any] | None = None) -> TrainingState:
    """Everything that the rest of the run depends on. Collective.

    Args:
        rng: the random generators of this process; as they are now when left out.
    """
    randomness = parts.strategy.gather(rng or snapshot())
    return {
        **parts.engine.state(),
        "parameters": parameter_names(parts),
        "stateful": {name: thing.state_dict() for name, thing in parts.stateful.items()},
        "early_stopping": parts.early_stopping.state_dict() if parts.early_stopping else {},
        "monitors": {part.name: part.monitor for part in parts.engine.parts},
        "measures": dict(parts.measures),
        "progress": asdict(progress),
        "order": order_of(parts),
        "rng": randomness[0],
        "rng_of_others": list(randomness[1:]),
        "config": parts.config,
    }


def load_state(parts: Parts, state: TrainingState) -> Progress:
    """Put a state into the parts of a run. What was compared with other measures starts anew, with a warning."""
    modes = {part.name: found.mode for part in parts.engine.parts if (found := plateau(part.scheduler))}
    parts.engine.load(state)
    for name, thing in parts.stateful.items():
        if name in state["stateful"]:
            thing.load_state_dict(state["stateful"][name])
    same = dict(state["measures"]) == dict(parts.measures)
    _load_early_stopping(parts, state["early_stopping"], same)
    for part in parts.engine.parts:
        scheduler = plateau(part.scheduler)
        comparable = same and state["monitors"].get(part.name) == part.monitor
        if scheduler and not (comparable and scheduler.mode == modes[part.name]):
            _start_anew(parts, f"the scheduler's best {part.monitor}")
            scheduler._init_is_better(modes[part.name], scheduler.threshold, scheduler.threshold_mode)
            scheduler._reset()
    progress = Progress(**state["progress"])
    # by the patience of now, which may be more than it was
    progress.stopped_early = parts.early_stopping is not None and parts.early_stopping.used_up
    rank = parts.strategy.place.rank
    if rank == 0:
        restore(state["rng"])
    elif len(state["rng_of_others"]) == parts.strategy.place.world_size - 1:
        restore(state["rng_of_others"][rank - 1])
    return progress


def _load_early_stopping(parts: Parts, state: dict[str, Any], same: bool) -> None:
    early_stopping = parts.early_stopping
    if early_stopping is None or not state:
        return
    if same and {key: state[key] for key in early_stopping.measure} == early_stopping.measure:
        early_stopping.load_state_dict(state)
    else:
        _start_anew(parts, f"early stopping's best {early_stopping.monitor}")


def _start_anew(parts: Parts, what: str) -> None:
    parts.log.warning("%s starts anew: it was measured with other data, another loss or another metric", what)
