"""The story of a run: plan → launch → register. Loads no torch; the job does."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.config import Resolved, load, to_yaml
from regtrain.errors import JobFailedError, RegtrainError
from regtrain.hardware import detect
from regtrain.host import Host
from regtrain.plan import PlanOptions, make_plan
from regtrain.run.place import open_registry
from regtrain.run.register import check_version_keys, register_run
from regtrain.run.resume import Resume, find_resume, run_dir_of
from regtrain.run_dir import Outcome, RunDir
from regtrain.types import JobCommand, Plan, RunEvent, VersionEvent

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionInfo

__all__ = ["Request", "RunResult", "plan_run", "run", "tell"]


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
        }


def plan_run(request: Request, host: Host) -> tuple[Plan, Resolved]:
    """The plan of a run; nothing is created.

    A config that lies in a run folder is that run's own: passing it resumes the run.
    """
    resolved = load(request.config, overrides=request.overrides, flags=request.flags, section=request.section)
    owner = run_dir_of(request.config.absolute().parent)
    asked = request.resume or _from_config(resolved)
    if owner:
        resolved = replace(resolved, base_dir=owner.read_plan().base_dir)
        asked = asked or str(owner.path)
    found = Resume(Path())
    if asked:
        keys = resolved.config.registry.model_dump()
        found = find_resume(asked, request.cwd, lambda: open_registry(request.cwd, resolved.base_dir, keys))
    options = PlanOptions(
        cwd=request.cwd,
        resume=str(found.place.resolve()) if asked else None,
        resumed_from=found.run_id,
        parents=((found.version, "resumed_from"),) if found.version else (),
        allow_imports=request.allow_imports,
    )
    plan = make_plan(resolved, host, detect(), options)
    check_version_keys(plan)
    return plan, resolved


def _from_config(resolved: Resolved) -> str | None:
    text = resolved.config.checkpoint.resume_from
    source = resolved.sources.get("checkpoint.resume_from")
    if text and source and source.kind in ("file", "overlay") and (resolved.base_dir / text).exists():
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
        _drop_unpacked(plan)


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
    plan = _with_parents(plan, registry)
    run_dir = RunDir(Path(str(plan.config["experiment"]["output_dir"])) / plan.run_id)
    run_dir.create(plan, to_yaml(resolved.config), detect().to_json())
    _record_start(registry, plan, run_dir)
    started(plan, run_dir)
    exit_code = launch(run_dir)
    outcome = run_dir.read_outcome() or _vanished(exit_code)
    notes: list[str] = []
    version = None
    try:
        if outcome.status == "finished" and registry and not plan.config["training"]["debug"]:
            version = register_run(registry, run_dir)
            event = VersionEvent(
                version.name, version.version, version.number, version.digest, plan.run_id, plan.parents
            )
            notes += host.version_registered(event)
    finally:
        _record_end(registry, plan, outcome)
        event_of_run = RunEvent(plan.run_id, plan.run_name, run_dir.path, outcome.status, outcome.metrics)
        notes += host.run_finished(event_of_run)
    if outcome.error:
        raise _as_error(outcome)
    code = 130 if exit_code == 130 else 75 if outcome.status == "interrupted" else 0
    return RunResult(plan.run_id, plan.run_name, outcome.status, run_dir.path, code, outcome, version, tuple(notes))


def _with_parents(plan: Plan, registry: Registry | None) -> Plan:
    """A run that goes on from another one has that run's version as parent, where it has one."""
    if registry is None or not plan.resumed_from or plan.parents:
        return plan
    from regtrain_registry import RegistryError

    try:
        before = registry.run(plan.resumed_from)
    except RegistryError:  # the folder came from elsewhere: its run is not in this registry
        return plan
    if not (before.model and before.version):
        return plan
    return replace(plan, parents=((f"{before.model}@{before.version}", "resumed_from"),))


def _launch(plan: Plan, host: Host, run_dir: RunDir) -> int:
    argv = ("-m", "regtrain.job", str(run_dir.path))
    environment = {"REGTRAIN_RUN_DIR": str(run_dir.path)}
    command = JobCommand(argv, run_dir.path, environment)
    code: int = host.offer("launchers", str(plan.choice("launcher.name"))).factory().launch(command)
    return code


def _record_start(registry: Registry | None, plan: Plan, run_dir: RunDir) -> None:
    if registry is None:
        return
    import json

    from regtrain_registry import RunStart, process_identity

    metadata = json.loads(run_dir.metadata.read_bytes())
    code = metadata.pop("code")
    me = process_identity()  # this process, not the job: it outlives the job by the registering
    try:
        registry.start_run(
            RunStart(
                run_id=plan.run_id,
                name=plan.run_name,
                run_dir=str(run_dir.path),
                config=plan.config,
                code=code,
                environment=metadata,
                host=me.host,
                pid=me.pid,
                pid_started=me.started,
                boot_id=me.boot_id,
                resumed_from=plan.resumed_from,
            )
        )
    except BaseException:
        shutil.rmtree(run_dir.path, ignore_errors=True)  # a run that is not recorded leaves no folder behind
        raise


def _record_end(registry: Registry | None, plan: Plan, outcome: Outcome) -> None:
    if registry is None:
        return
    from regtrain_registry import RunStatus

    registry.finish_run(
        plan.run_id,
        RunStatus(outcome.status),  # type: ignore[arg-type]
        metrics=outcome.metrics,
        steps=outcome.steps,
        epochs=outcome.epochs,
        best=outcome.best,
        data=outcome.recipe.get("data", {}),
        error=outcome.error["message"] if outcome.error else None,
        seconds=outcome.seconds,
    )


def _vanished(exit_code: int) -> Outcome:
    """A job that left no outcome was killed, or could not even start."""
    how = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
    error = {
        "code": "job_failed",
        "message": f"the job was {how} and left no outcome",
        "hint": "out of memory is a common cause of SIGKILL; what was saved can be resumed with --resume RUN_DIR",
        "exit_code": 1,
    }
    return Outcome("failed", reason=str(error["message"]), error=error)


def _as_error(outcome: Outcome) -> RegtrainError:
    """The job's error as if it had been raised here."""
    assert outcome.error is not None
    facts = outcome.error
    made = type("JobError", (JobFailedError,), {"code": str(facts["code"]), "exit_code": int(facts["exit_code"])})(
        str(facts["message"]), str(facts["hint"])
    )
    if facts.get("trace"):
        made.add_note(str(facts["trace"]))
    error: RegtrainError = made
    return error


def _drop_unpacked(plan: Plan) -> None:
    """A version that was unpacked to be resumed is not needed any more."""
    if plan.resume and Path(plan.resume).is_relative_to(tempfile.gettempdir()):
        for folder in Path(plan.resume).parents:
            if folder.name.startswith("regtrain-resume-"):
                shutil.rmtree(folder, ignore_errors=True)
