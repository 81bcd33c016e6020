"""Config, plugins and hardware → `Plan`."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

from regtrain.config import Config, Resolved
from regtrain.errors import ConfigValueError
from regtrain.hardware import Hardware
from regtrain.host import Host
from regtrain.plan.choices import choose_device, choose_length, choose_loading, choose_measures
from regtrain.plan.names import Asked, PlanOptions, choose_names
from regtrain.plan.paths import refuse_outside, with_paths
from regtrain.types import Choice, Plan

__all__ = ["NOT_BUILT", "make_plan"]

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


def make_plan(resolved: Resolved, host: Host, hardware: Hardware, options: PlanOptions) -> Plan:
    """Everything that is decided before a run is started.

    Raises:
        RegtrainError: a key is missing, a name unknown, a target outside the config's folder, or a plugin objects.
    """
    config = resolved.config
    _refuse_what_is_not_built(config)
    refuse_outside(config)
    config = with_paths(resolved, options.cwd)
    asked = Asked(config, host, options, resolved.base_dir)
    choices = [
        *choose_names(asked),
        *choose_length(config),
        *choose_device(config, hardware),
        *choose_measures(config, host),
        *choose_loading(config),
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
        initial_weights=options.initial_weights,
    )
    host.run_planned(plan)
    return plan


def _refuse_what_is_not_built(config: Config) -> None:
    for key, asked in NOT_BUILT.items():
        if asked(config):
            raise ConfigValueError(f"{key} is set, and this release cannot do that yet", f"leave {key} out")


def _run_name(config: Config, choices: list[Choice]) -> str:
    """`simple_cnn` on `digits` → digits-simple-cnn."""

    def short(section: str) -> str:
        value = next(str(c.value) for c in choices if c.key in (f"{section}.name", f"{section}.target"))
        return value.rpartition(":")[0].rpartition("/")[2].removesuffix(".py") if ":" in value else value.strip("()")

    return f"{short('data')}-{short('model')}"


def _slug(text: str) -> str:
    """A name that folders and the registry accept, from any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "run"
