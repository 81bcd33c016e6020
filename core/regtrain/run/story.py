"""The story of a run: plan → launch → register. Loads no torch; the job does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.config import Resolved, load, to_yaml
from regtrain.hardware import detect
from regtrain.host import Host
from regtrain.plan import PlanOptions, config_to_keep, make_plan
from regtrain.run.code import code_state
from regtrain.run.initial import Initial, check_going_on, find_initial
from regtrain.run.place import open_registry
from regtrain.run.promote import as_event
from regtrain.run.public import typed
from regtrain.run.record import as_error, not_launched, record_end, record_start, settled, vanished
from regtrain.run.register import check_version_free, check_version_keys, register_run
from regtrain.run.resume import Resume, drop_unpacked, find_resume, run_dir_of
from regtrain.run.retention import check_retention, expire
from regtrain.run_dir import Outcome, RunDir
from regtrain.types import JobCommand, Plan, RunEvent

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionInfo
    from regtrain_registry.retention import PruneDecision

__all__ = ["Request", "RunResult", "plan_resolved", "plan_run", "run", "tell"]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. `flags`: canonical key → value."""

    config: Path
    overrides: Sequence[str] = ()
    flags: Mapping[str, object] = field(default_factory=dict)
    section: str | None = None
    resume: str | None = None
    allow_imports: tuple[str, ...] = ()
    cwd: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True)
class RunResult:
    """How a run ended, as `regtrain run --json` prints it."""

    run_id: str
    name: str
    status: str
    run_dir: Path
    exit_code: int
    outcome: Outcome
    version: VersionInfo | None = None
    notes: tuple[str, ...] = ()
    expired: tuple[PruneDecision, ...] = ()

    def to_json(self) -> dict[str, Any]:
        version = self.version
        return {
            "run_id": self.run_id,
            "name": self.name,
            "status": self.status,
            "run_dir": str(self.run_dir),
            "epochs": self.outcome.epochs,
            "steps": self.outcome.steps,
            "metrics": dict(self.outcome.metrics),
            "best": self.outcome.best,
            "model": version.name if version else None,
            "version": version.version if version else None,
            "number": version.number if version else None,
            "digest": version.digest if version else None,
            "seconds": self.outcome.seconds,
            "exports": [],
            "expired": [decision.to_json() for decision in self.expired],
        }


def plan_run(request: Request, host: Host) -> tuple[Plan, Resolved]:
    """The plan of a run; no run folder is created."""
    resolved = load(request.config, overrides=request.overrides, flags=request.flags, section=request.section)
    return plan_resolved(resolved, host, request.cwd, resume=request.resume, allow_imports=request.allow_imports)


def plan_resolved(
    resolved: Resolved,
    host: Host,
    cwd: Path,
    *,
    resume: str | None = None,
    allow_imports: tuple[str, ...] = (),
    live: frozenset[str] = frozenset(),
) -> tuple[Plan, Resolved]:
    """The plan of a config, and the config with the folder that its relative paths start from.

    A config that lies in a run folder is that run's own: it goes on with the run. A version to go on from is unpacked;
    `drop_unpacked` is for after the run.
    """
    owner = _own_run(resolved.path)
    if owner:
        resolved = replace(resolved, base_dir=owner.read_plan().base_dir)
    asked = resume or _from_config(resolved, owner)
    found, wanted, initial = Resume(Path()), resolved.config.model.init_from, None
    keys = resolved.config.registry.model_dump()
    if asked:
        found = find_resume(asked, cwd, lambda: open_registry(cwd, resolved.base_dir, keys))
    elif wanted:
        initial = find_initial(wanted, open_registry(cwd, resolved.base_dir, keys))
    options = PlanOptions(
        cwd=cwd,
        resume=str(found.place.resolve()) if asked else None,
        resumed_from=found.run_id,
        parents=_parents(found, initial),
        init_from=initial.ref if initial else found.init_from,
        initial_weights=str(initial.weights) if initial else None,
        allow_imports=allow_imports,
        live=live,
    )
    try:
        if asked:
            check_going_on(wanted, found)
        plan = make_plan(resolved, host, detect(), options)
        check_version_keys(plan)
        check_retention(plan)
    except BaseException:
        drop_unpacked(options.resume)
        raise
    return plan, resolved


def _parents(found: Resume, initial: Initial | None) -> tuple[tuple[str, str], ...]:
    """The registered version that the run begins with, or goes on from."""
    if initial:
        return ((initial.ref, "fine_tuned_from"),)
    return ((found.version, "resumed_from"),) if found.version else ()


def _own_run(config: Path | None) -> RunDir | None:
    """The run whose own config this is."""
    owner = run_dir_of(config.absolute().parent) if config else None
    return owner if owner and config and owner.config.resolve() == config.resolve() else None


def _from_config(resolved: Resolved, owner: RunDir | None) -> str | None:
    """What checkpoint.resume_from names. In a run's own config it is where that run once began: the run goes on from
    its newest checkpoint."""
    text = resolved.config.checkpoint.resume_from
    source = resolved.sources.get("checkpoint.resume_from")
    written = source is not None and source.kind in ("file", "overlay")
    if owner and (written or not text):
        return str(owner.path)
    if text and written and (resolved.base_dir / text).exists():
        return str(resolved.base_dir / text)
    return text


def run(request: Request, started: Callable[[Plan, RunDir], None] = lambda plan, run_dir: None) -> RunResult:
    """Plan, launch, record, register. Anything that can be known to be wrong is refused before the folder exists.

    Raises:
        RegtrainError, RegistryError: with the exit code of what went wrong.
    """
    host = Host()
    plan, resolved = plan_run(request, host)
    try:
        return tell(plan, resolved, host, lambda run_dir: _launch(plan, host, run_dir), request.cwd, started)
    finally:
        drop_unpacked(plan.resume)


def tell(
    plan: Plan,
    resolved: Resolved,
    host: Host,
    launch: Callable[[RunDir], int],
    cwd: Path,
    started: Callable[[Plan, RunDir], None] = lambda plan, run_dir: None,
) -> RunResult:
    """Record a run from its start to its end around `launch`, which trains and leaves an outcome."""
    keys = plan.config["registry"]
    registry = open_registry(cwd, resolved.base_dir, keys, create=True) if keys["enabled"] else None
    check_version_free(registry, plan)
    plan = _with_parents(plan, registry)
    run_dir = RunDir(Path(str(plan.config["experiment"]["output_dir"])) / plan.run_id)
    run_dir.create(plan, to_yaml(config_to_keep(resolved, cwd)), detect().to_json(), typed(), code_state(plan.base_dir))
    record_start(registry, plan, run_dir)
    try:
        started(plan, run_dir)
        exit_code = launch(run_dir)
    except BaseException as problem:
        record_end(registry, plan, settled(run_dir, not_launched(problem)))
        raise
    outcome = settled(run_dir, vanished(exit_code, run_dir))
    notes: list[str] = []
    expired: list[PruneDecision] = []
    version = None
    try:
        if outcome.status == "finished" and registry and not plan.config["training"]["debug"]:
            version = register_run(registry, run_dir)
            notes += host.version_registered(as_event(version))
            expired, said = expire(registry, plan, version)
            notes += said
    finally:
        record_end(registry, plan, outcome)
        event_of_run = RunEvent(plan.run_id, plan.run_name, run_dir.path, outcome.status, outcome.metrics)
        notes += host.run_finished(event_of_run)
    if outcome.error:
        raise as_error(outcome)
    code = _exit_code(exit_code) if outcome.status == "interrupted" else 0
    return RunResult(
        run_id=plan.run_id,
        name=plan.run_name,
        status=outcome.status,
        run_dir=run_dir.path,
        exit_code=code,
        outcome=outcome,
        version=version,
        notes=tuple(notes),
        expired=tuple(expired),
    )


def _exit_code(of_job: int) -> int:
    """75 for a run that saved before it stopped; else what a shell says of a process that a signal ended."""
    if of_job in (0, 75):
        return 75
    return 128 - of_job if of_job < 0 else of_job


def _with_parents(plan: Plan, registry: Registry | None) -> Plan:
    """A run that goes on from another one has that run's version as parent, or, where it has none, the same parents."""
    if registry is None or not plan.resumed_from or plan.parents:
        return plan
    from regtrain_registry import RegistryError

    try:
        before = registry.run(plan.resumed_from)
        parents: tuple[tuple[str, str], ...] = ((f"{before.model}@{before.version}", "resumed_from"),)
        if not (before.model and before.version):
            owner = run_dir_of(Path(str(plan.resume)))
            parents = owner.read_plan().parents if owner else ()
    except RegistryError:  # the folder came from elsewhere: its run is not in this registry
        return plan
    return replace(plan, parents=parents)


def _launch(plan: Plan, host: Host, run_dir: RunDir) -> int:
    argv = ("-m", "regtrain.job", str(run_dir.path))
    environment = {"REGTRAIN_RUN_DIR": str(run_dir.path)}
    command = JobCommand(argv, run_dir.path, environment)
    code: int = host.offer("launchers", str(plan.choice("launcher.name"))).factory().launch(command)
    return code
