"""Config, plugins and hardware → `Plan`."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence

from regtrain.config import Config, Resolved
from regtrain.errors import ConfigValueError
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.plan.choices import choose_device, choose_length, choose_loading, choose_measures
from regtrain.plan.names import GIVEN, PlanInputs, PlanOptions, choose_names
from regtrain.plan.paths import with_paths
from regtrain.redact import redact
from regtrain.targets import find_target
from regtrain.types import Choice, Plan, Resources
from regtrain.types.config.editing import with_values

__all__ = ["NOT_BUILT", "make_plan", "new_run_id", "with_choices"]

# Shown with what is expected; the job decides on the machine where it runs.
SETTLED_BY_JOB = frozenset({"training.device", "training.precision"})

# Keys that the config knows and this release does not act on. A run that asks for one is refused: to train something
# else than what was asked for would be worse.
NOT_BUILT: dict[str, Callable[[Config], object]] = {
    "training.auto_batch_size": lambda c: c.training.auto_batch_size,
    "model.compile": lambda c: c.model.compile,
    "model.gradient_checkpointing": lambda c: c.model.gradient_checkpointing,
    "evaluation.save_predictions": lambda c: c.evaluation.save_predictions,
    "profiling.enabled": lambda c: c.profiling and c.profiling.enabled,
}


def make_plan(resolved: Resolved, host: Host, hardware: Hardware, options: PlanOptions) -> Plan:
    """Everything that is decided before a run is started.

    Raises:
        RegtrainError: a key is missing, a name unknown, a target outside the config's folder, or a plugin objects.
    """
    config = resolved.config
    _refuse_what_is_not_built(config)
    config = with_paths(resolved, options.cwd)
    inputs = PlanInputs(config, host, options, resolved.base_dir)
    choices = (
        *choose_names(inputs),
        *choose_length(config),
        *choose_device(config, hardware),
        *choose_measures(config, host),
        *choose_loading(config),
    )
    name = config.experiment.name or _run_name(choices)
    complete = with_choices(config, choices)
    plan = Plan(
        run_id=new_run_id(name),
        run_name=name,
        model_name=config.registry.model or _slug(name),
        config=complete,
        public=Config.model_validate(redact(complete.model_dump(mode="json"))),
        base_dir=resolved.base_dir,
        choices=choices,
        config_path=resolved.path,
        allow_imports=options.allow_imports,
        code=_code(inputs),
        given=tuple(sorted(options.given)),
        resources=_resources(config),
        resume=options.resume,
        resumed_from=options.resumed_from,
        resumed_ended=options.resumed_ended,
        initial_weights=options.initial_weights,
        parents=options.parents,
    )
    host.run_planned(plan)
    return plan


def with_choices(config: Config, choices: Sequence[Choice]) -> Config:
    """The config with every choice in its place: a default that was spelled out gives the same config."""
    chosen = {c.key: c.value for c in choices if c.key not in SETTLED_BY_JOB and c.value != GIVEN}
    if config.scheduler and "scheduler.mode" in chosen:  # the argument of a scheduler
        chosen["scheduler.args"] = {**config.scheduler.args, "mode": chosen.pop("scheduler.mode")}
    return with_values(config, chosen)


def new_run_id(name: str) -> str:
    """Time of the start for people, and 48 random bits: of a thousand runs started in one second no two collide."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{_slug(name)}-{secrets.token_hex(6)}"


def _code(inputs: PlanInputs) -> dict[str, str]:
    """Section → digest of the user's files that it is built from."""
    targets = {name: getattr(inputs.config, name).target for name in ("model", "data", "loss")}
    return {
        name: find_target(f"{name}.target", target, inputs.base_dir, inputs.options.allow_imports).digest
        for name, target in targets.items()
        if target and name not in inputs.options.given
    }


def _resources(config: Config) -> Resources:
    keys = config.launcher
    return Resources(
        nproc=keys.nproc or 1,
        nodes=keys.nodes or 1,
        num_gpus=keys.num_gpus,
        partition=keys.partition,
        queue=keys.queue,
        walltime=keys.walltime,
        memory=keys.memory,
    )


def _refuse_what_is_not_built(config: Config) -> None:
    for key, asked in NOT_BUILT.items():
        if asked(config):
            raise ConfigValueError(f"{key} is set, and this release cannot do that yet", f"leave {key} out")


def _run_name(choices: Sequence[Choice]) -> str:
    """`simple_cnn` on `digits` → digits-simple-cnn."""

    def short(section: str) -> str:
        value = next(str(c.value) for c in choices if c.key in (f"{section}.name", f"{section}.target"))
        return value.rpartition(":")[0].rpartition("/")[2].removesuffix(".py") if ":" in value else value.strip("()")

    return f"{short('data')}-{short('model')}"


def _slug(text: str) -> str:
    """A name that folders and the registry accept, from any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "run"
