"""What follows when a job has ended: outcome, version, exports, retention. All of it can be repeated."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.host import Host
from regtrain.run.export import exports_of_run
from regtrain.run.launching import poll, read_submission
from regtrain.run.promote import as_event
from regtrain.run.record import as_error, final_outcome, missing_outcome, record_end, record_missing, record_state
from regtrain.run.register import register_run
from regtrain.run.retention import expire
from regtrain.run_dir import Outcome, RunDir, finite
from regtrain.run_dir.codec import write_json
from regtrain.tracking import ForwarderProcess, settle
from regtrain.types import JobState, Launched, Plan, RunEvent

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionInfo
    from regtrain_registry.domain.retention import PruneDecision

__all__ = ["RunResult", "complete"]


@dataclass(frozen=True)
class RunResult:
    """How a run ended, or that it goes on elsewhere, as `regtrain run --json` prints it."""

    run_id: str
    name: str
    status: str
    run_dir: Path
    exit_code: int
    outcome: Outcome | None
    version: VersionInfo | None = None
    notes: tuple[str, ...] = ()
    expired: tuple[PruneDecision, ...] = ()

    def with_notes(self, notes: Iterable[str]) -> RunResult:
        return replace(self, notes=(*notes, *self.notes))

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics at the end of the run; NaN where one was not finite."""
        return dict(self.outcome.metrics) if self.outcome else {}

    def _exports(self) -> list[dict[str, Any]]:
        """Those of the version, each with its file in the run folder; without a version the files alone."""
        folder = RunDir(self.run_dir).exports
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        if self.version is None:
            return [{"file": str(file)} for file in files]
        by_format = {export.format: export.to_json() for export in self.version.exports}
        return [
            facts | {"file": next((str(file) for file in files if file.stem.endswith(f"-{name}")), None)}
            for name, facts in by_format.items()
        ]

    def to_json(self) -> dict[str, Any]:
        version, outcome = self.version, self.outcome
        return {
            "run_id": self.run_id,
            "name": self.name,
            "status": self.status,
            "run_dir": str(self.run_dir),
            "epochs": outcome.epochs if outcome else 0,
            "steps": outcome.steps if outcome else 0,
            "metrics": finite(self.metrics),
            "best": outcome.best if outcome else None,
            "model": version.name if version else None,
            "version": version.version if version else None,
            "number": version.number if version else None,
            "digest": version.digest if version else None,
            "seconds": outcome.seconds if outcome else 0.0,
            "exports": self._exports(),
            "expired": [decision.to_json() for decision in self.expired],
        }


def complete(
    run_dir: RunDir,
    registry: Registry | None,
    host: Host,
    launched: Launched | None = None,
    forwarder: ForwarderProcess | None = None,
) -> RunResult:
    """Read how the job ended, register what it trained, export it, apply retention. Again, it is the same version.

    An export that fails leaves the version registered, and gives the exit code 1; it is tried again the next time.

    Args:
        launched: what the launcher returned; None for a run that is read in later, or from a copied folder.
        forwarder: what was started beside the job for its trackers.

    Raises:
        RegtrainError: the job failed; its own error, with `warnings`.
        RegistryError: the registry cannot be reached, or refuses the version.
    """
    plan = run_dir.read_plan()
    record_missing(registry, plan, run_dir)
    outcome = run_dir.read_outcome()
    if outcome is None:
        state = _state(run_dir, host, launched)
        if state is not JobState.GONE:
            record_state(registry, plan, state)
            late = settle(run_dir, plan, host, forwarder, ended=False, launched=launched is not None)
            return _result(plan, run_dir, state.value, None).with_notes(late)
        outcome = final_outcome(run_dir, missing_outcome(launched.exit_code if launched else None, run_dir))
    notes: list[str] = []
    failed: list[str] = []
    expired: list[PruneDecision] = []
    version, first = None, not run_dir.completed.exists()
    try:
        if outcome.status == "finished" and registry and not plan.config.training.debug:
            version = register_run(registry, run_dir)
            notes += host.version_registered(as_event(version)) if first else []
        if outcome.status == "finished" and plan.config.export.formats and not plan.config.training.debug:
            version, failed = exports_of_run(run_dir, plan, registry, version, host)
            notes += failed
        if version and registry:
            expired, problems = expire(registry, plan, version)
            notes += problems
    finally:
        record_end(registry, plan, outcome)
        if first:
            event = RunEvent(plan.run_id, plan.run_name, run_dir.path, outcome.status, outcome.metrics)
            notes += host.run_finished(event)
    _mark_completed(run_dir, outcome, version)
    notes += settle(run_dir, plan, host, forwarder, ended=True, launched=launched is not None)
    if outcome.error:
        error = as_error(outcome)
        error.warnings = tuple(notes)
        raise error
    return replace(
        _result(plan, run_dir, outcome.status, outcome, 1 if failed else _exit_code(outcome, launched)),
        version=version,
        notes=tuple(notes),
        expired=tuple(expired),
    )


def _state(run_dir: RunDir, host: Host, launched: Launched | None) -> JobState:
    """Whether a job without an outcome goes on: a launcher that waited knows, one that submitted is asked."""
    submission = read_submission(run_dir)
    if submission is None or (launched and launched.exit_code is not None):
        return JobState.GONE
    state = poll(submission, host)
    # it may have written its outcome between the two looks
    return JobState.RUNNING if state is JobState.GONE and run_dir.outcome.exists() else state


def _mark_completed(run_dir: RunDir, outcome: Outcome, version: VersionInfo | None) -> None:
    """Plugins are notified once; a finished run needs its inputs no more."""
    with contextlib.suppress(OSError):  # a full disk, or a folder that was deleted: the registry has all of it
        registered = asdict(as_event(version)) if version else None
        write_json(run_dir.completed, {"status": outcome.status, "registered": registered})
    if outcome.status == "finished":
        shutil.rmtree(run_dir.inputs, ignore_errors=True)


def _result(plan: Plan, run_dir: RunDir, status: str, outcome: Outcome | None, exit_code: int = 0) -> RunResult:
    return RunResult(plan.run_id, plan.run_name, status, run_dir.path, exit_code, outcome)


def _exit_code(outcome: Outcome, launched: Launched | None) -> int:
    """0 for a run that finished, 75 for one that saved before it stopped; else what a shell says of a process that a
    signal ended."""
    if outcome.status != "interrupted":
        return 0
    code = launched.exit_code if launched else None
    if code in (None, 0, 75):
        return 75
    assert code is not None
    return 128 - code if code < 0 else code
