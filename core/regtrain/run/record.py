"""A run's start and its end, in its folder and in the registry, whatever ends it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from regtrain.errors import JobFailedError, RegtrainError
from regtrain.run_dir import Outcome, RunDir
from regtrain.secrets import without_secrets
from regtrain.types import Plan

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = ["as_error", "not_launched", "record_end", "record_missing", "record_start", "settled", "vanished"]

MAX_DIFF_IN_ROW = 100_000  # characters; a server refuses rows that are very large
ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def record_start(registry: Registry | None, plan: Plan, run_dir: RunDir) -> None:
    if registry is None:
        return
    try:
        _start(registry, plan, run_dir, plan.parents)
    except BaseException:
        shutil.rmtree(run_dir.path, ignore_errors=True)  # a run that is not recorded leaves no folder behind
        raise


def _start(registry: Registry, plan: Plan, run_dir: RunDir, inputs: Sequence[tuple[str, str]] = ()) -> None:
    from regtrain_registry import ParentLink, Relation, RunStart, process_identity

    metadata = json.loads(run_dir.metadata.read_bytes())
    code = metadata.pop("code")
    if len(code["diff"] or "") > MAX_DIFF_IN_ROW:
        code |= {"diff": None, "diff_left_out": f"see {run_dir.uncommitted.name} in the folder of the run"}
    me = process_identity()  # this process, not the job: it outlives the job by the registering
    registry.start_run(
        RunStart(
            run_id=plan.run_id,
            name=plan.run_name,
            run_dir=str(run_dir.path),
            config=without_secrets(plan.config),
            code=without_secrets(code),
            environment=metadata,
            host=me.host,
            pid=me.pid,
            pid_started=me.started,
            boot_id=me.boot_id,
            resumed_from=plan.resumed_from,
            inputs=tuple(ParentLink(ref, Relation(relation)) for ref, relation in inputs),
        )
    )


def record_end(registry: Registry | None, plan: Plan, outcome: Outcome) -> None:
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


def record_missing(registry: Registry, plan: Plan, run_dir: RunDir, outcome: Outcome) -> None:
    """Record a run that another registry, or none, knew of, so that a version of it has its run."""
    from regtrain_registry import RegistryError

    try:
        known = registry.run(plan.run_id).run_id == plan.run_id
    except RegistryError:
        known = False
    if not known:
        _start(registry, plan, run_dir)
        record_end(registry, plan, outcome)


def settled(run_dir: RunDir, otherwise: Outcome) -> Outcome:
    """The outcome that the job left; `otherwise`, written in its place, when it left none."""
    outcome = run_dir.read_outcome()
    if outcome is None:
        outcome = otherwise
        with contextlib.suppress(OSError):  # the folder may be gone, or the disk full: the registry still gets it
            run_dir.write_outcome(otherwise)
    return outcome


def vanished(exit_code: int, run_dir: RunDir) -> Outcome:
    """What to make of a job that left no outcome: stopped before it could train, killed, or out of room."""
    if -exit_code in ASKED_TO_STOP:
        return Outcome("interrupted", reason=f"{signal.Signals(-exit_code).name} outside of the training")
    if exit_code == 5:
        hint = "make room, or choose another --output-dir; the checkpoints before it are whole"
        return _failed("environment", f"the job could not write to {run_dir.path}", hint, 5)
    how = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
    hint = "out of memory is a common cause of SIGKILL; what was saved can be resumed with --resume RUN_DIR"
    return _failed("job_failed", f"the job was {how} and left no outcome", hint if exit_code < 0 else "")


def not_launched(problem: BaseException) -> Outcome:
    """What to make of a launch that ended in an exception on this side."""
    if isinstance(problem, KeyboardInterrupt):
        return Outcome("interrupted", reason="Ctrl-C: nothing saved")
    return _failed("job_failed", f"the job could not be launched: {type(problem).__name__}: {problem}", "")


def _failed(code: str, message: str, hint: str, exit_code: int = 1) -> Outcome:
    error = {"code": code, "message": message, "hint": hint, "exit_code": exit_code}
    return Outcome("failed", reason=message, error=error)


def as_error(outcome: Outcome) -> RegtrainError:
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
