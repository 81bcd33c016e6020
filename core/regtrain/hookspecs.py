"""Every hook of regtrain: what a plugin may offer, and what it may listen to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from regtrain.types import Alert, CheckpointEvent, Plan, Register, RunEvent, VersionEvent

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("regtrain")
hookimpl = pluggy.HookimplMarker("regtrain")


@hookspec
def regtrain_register_models(register: Register) -> None:
    """Offer models: `factory(**args) -> torch.nn.Module`."""


@hookspec
def regtrain_register_datasets(register: Register) -> None:
    """Offer datasets: `factory(**args) -> Splits`."""


@hookspec
def regtrain_register_tasks(register: Register) -> None:
    """Offer tasks: `factory(**args) -> Task`; importing and calling it loads no torch."""


@hookspec
def regtrain_register_optimizers(register: Register) -> None:
    """Offer optimizers: `factory(params, lr=…, **args) -> torch.optim.Optimizer`; `lr` only when it is given."""


@hookspec
def regtrain_register_schedulers(register: Register) -> None:
    """Offer schedulers: `factory(optimizer, schedule: Schedule, **args) -> LRScheduler`."""


@hookspec
def regtrain_register_strategies(register: Register) -> None:
    """Offer strategies: `factory(device: str) -> Strategy`."""


@hookspec
def regtrain_register_evaluators(register: Register) -> None:
    """Offer evaluators: `factory(**args) -> Evaluator`."""


@hookspec
def regtrain_register_callbacks(register: Register) -> None:
    """Offer callbacks, which are called in the loop: `factory(context: CallbackContext, **args) -> Callback`."""


@hookspec
def regtrain_register_trackers(register: Register) -> None:
    """Offer trackers: `factory(**args) -> Tracker`; called outside of the process that trains."""


@hookspec
def regtrain_register_launchers(register: Register) -> None:
    """Offer launchers: `factory() -> Launcher`."""


@hookspec
def regtrain_register_exporters(register: Register) -> None:
    """Offer exporters: `factory(**args) -> Exporter`; calling it loads no torch."""


@hookspec
def regtrain_register_commands(register: Register) -> None:
    """Offer commands of the command line: `factory() -> click.Command`."""


@hookspec
def regtrain_run_planned(plan: Plan) -> None:
    """A run is planned and nothing is built yet; raise to refuse it."""


@hookspec
def regtrain_run_started(run: RunEvent) -> None:
    """A run is recorded and its job is about to be started."""


@hookspec
def regtrain_checkpoint_saved(checkpoint: CheckpointEvent) -> None:
    """A checkpoint is complete on disk (called in the job)."""


@hookspec
def regtrain_version_registered(version: VersionEvent) -> None:
    """A version is in the registry."""


@hookspec
def regtrain_version_promoted(version: VersionEvent, stage: str) -> None:
    """A version is about to get a stage; raise to refuse it."""


@hookspec
def regtrain_alert(alert: Alert) -> None:
    """Something in a run needs attention (called in the job)."""


@hookspec
def regtrain_run_finished(run: RunEvent) -> None:
    """A run has ended, well or not."""
