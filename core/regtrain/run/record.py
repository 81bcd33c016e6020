"""A run's start and its end, in its folder and in the registry, whatever ends it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from regtrain.errors import JobFailedError, RegtrainError, recreated
from regtrain.run_dir import Outcome, RunDir
from regtrain.types import JobState, Plan, RunEvent

if TYPE_CHECKING:
    from regtrain_registry import Registry

__all__ = [
    "as_error",
    "end_of_launch",
    "final_outcome",
    "missing_outcome",
    "record_end",
    "record_missing",
    "record_start",
    "record_state",
    "started_event",
]

MAX_DIFF_IN_ROW = 100_000  # characters; a server refuses rows that are very large
_RESUME_HINT = "what was saved can be resumed with --resume RUN_DIR"
ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def record_start(registry: Registry | None, plan: Plan, run_dir: RunDir) -> None:
    if registry is not None:
        _start(registry, plan, run_dir, plan.parents)


def _start(registry: Registry, plan: Plan, run_dir: RunDir, inputs: Sequence[tuple[str, str]] = ()) -> None:
    from regtrain_registry import ParentLink, Relation, RunStart, process_identity

    metadata = run_dir.read_metadata()
    code = dict(metadata.pop("code"))
    if len(code["diff"] or "") > MAX_DIFF_IN_ROW:
        code |= {"diff": None, "diff_left_out": f"see {run_dir.uncommitted.name} in the folder of the run"}
    me = process_identity()  # this process, not the job: it outlives the job by the registering
    registry.start_run(
        RunStart(
            run_id=plan.run_id,
            name=plan.run_name,
            run_dir=str(run_dir.path),
            config=plan.public.model_dump(mode="json"),
            code=code,
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


def record_missing(registry: Registry | None, plan: Plan, run_dir: RunDir) -> None:
    """Record a run that another registry, or none, knew of, so that a version of it has its run."""
    if registry is None:
        return
    from regtrain_registry import RegistryError
    from regtrain_registry.errors import RunExistsError, RunNotFoundError

    try:
        known = registry.run(plan.run_id).run_id == plan.run_id
    except RunNotFoundError:
        known = False
    if known:
        return
    try:
        _start(registry, plan, run_dir, plan.parents)
    except RunExistsError:  # by another process, in the same moment
        return
    except RegistryError:  # its parents are in the registry that it comes from
        _start(registry, plan, run_dir)
    outcome = run_dir.read_outcome()
    if outcome:
        record_end(registry, plan, outcome)


def record_state(registry: Registry | None, plan: Plan, state: JobState) -> None:
    """Record that a submitted job waits or runs."""
    if registry is not None:
        registry.update_run(plan.run_id, status=state.value)


def started_event(plan: Plan, run_dir: RunDir) -> RunEvent:
    return RunEvent(plan.run_id, plan.run_name, run_dir.path, "running", {})


def final_outcome(run_dir: RunDir, otherwise: Outcome) -> Outcome:
    """The outcome that the job left; `otherwise`, written in its place, when it left none."""
    outcome = run_dir.read_outcome()
    if outcome is None:
        outcome = otherwise
        with contextlib.suppress(OSError):  # the folder may be gone, or the disk full: the registry still gets it
            run_dir.write_outcome(otherwise)
    return outcome


def missing_outcome(exit_code: int | None, run_dir: RunDir) -> Outcome:
    """The outcome of a job that left none: stopped before it could train, killed, or out of disk space."""
    if exit_code is None:
        return _failed("job_failed", "the job has ended and left no outcome", _RESUME_HINT)
    if -exit_code in ASKED_TO_STOP:
        return Outcome("interrupted", reason=f"{signal.Signals(-exit_code).name} outside of the training")
    if exit_code == 5:
        hint = "free space, or choose another --output-dir; the checkpoints before it are whole"
        return _failed("environment", f"the job could not write to {run_dir.path}", hint, 5)
    how = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
    hint = f"out of memory is a common cause of SIGKILL; {_RESUME_HINT}"
    return _failed("job_failed", f"the job was {how} and left no outcome", hint if exit_code < 0 else "")


def end_of_launch(run_dir: RunDir, problem: BaseException) -> Outcome:
    """The outcome of a run whose launch ended in an exception on this side."""
    if isinstance(problem, KeyboardInterrupt):
        return final_outcome(run_dir, Outcome("interrupted", reason="Ctrl-C: nothing saved"))
    message = f"the job could not be launched: {type(problem).__name__}: {problem}"
    return final_outcome(run_dir, _failed("job_failed", message, ""))


def _failed(code: str, message: str, hint: str, exit_code: int = 1) -> Outcome:
    error = {"code": code, "message": message, "hint": hint, "exit_code": exit_code}
    return Outcome("failed", reason=message, error=error)


def as_error(outcome: Outcome) -> RegtrainError:
    """The job's error as if it had been raised here."""
    assert outcome.error is not None
    facts = outcome.error
    error = recreated(JobFailedError, facts)
    if facts.get("trace"):
        error.add_note(str(facts["trace"]))
    return error
