"""plan.json in, a trained model and outcome.json out."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regtrain.checkpoint.folder import Checkpoints
from regtrain.checkpoint.keep import CheckpointInfo, keep_policy
from regtrain.errors import NotFiniteError
from regtrain.hardware import detect
from regtrain.host import Host
from regtrain.job.callbacks import build_callbacks
from regtrain.job.data import fingerprints
from regtrain.job.evidence import code_of, signature_of, state_shapes
from regtrain.job.failure import failed
from regtrain.job.files import file_fingerprints
from regtrain.job.initial import begin_with
from regtrain.job.making import GivenObjects, Job, planned_code
from regtrain.job.parts import build_data, build_model, build_parts
from regtrain.job.ranks import open_strategy, rank_of
from regtrain.job.resume import find_state, load_into, same_measures
from regtrain.job.settle import settle_device, settle_measures
from regtrain.run_dir import Outcome, RunDir
from regtrain.run_dir.logger import RunLogger, activated
from regtrain.run_dir.outcome import Status
from regtrain.run_dir.records import RecordWriter
from regtrain.targets.load import loaded_sources
from regtrain.tracking import beside_job, job_environment, missing_packages
from regtrain.trainer import Interrupted, StopFlag, Trainer
from regtrain.trainer.randomness import seed_all, use_deterministic
from regtrain.types import Alert, CheckpointEvent, Plan, Schedule, Splits, Strategy

__all__ = ["GivenObjects", "execute", "main"]


def main(path: Path) -> int:
    """Train what plan.json says; 0 done, 75 asked to stop and saved, else the error's own code."""
    run_dir = RunDir(path)
    try:
        outcome = execute(run_dir, run_dir.read_plan(), Host(), GivenObjects())
    except KeyboardInterrupt:
        return 130
    except OSError as problem:  # not even the outcome could be written
        print(f"error: {path}: {problem.strerror or problem}", file=sys.stderr)
        return 5
    if outcome.status == "interrupted":
        return 75
    return int(outcome.error["exit_code"]) if outcome.error else 0


def execute(run_dir: RunDir, plan: Plan, host: Host, given: GivenObjects) -> Outcome:
    """Run the job in this process; of several processes rank 0 leaves the outcome, whatever happens."""
    rank = rank_of(plan)
    with beside_job(run_dir, plan) if rank == 0 else contextlib.nullcontext():
        return _execute(run_dir, plan, host, given, rank)


def _execute(run_dir: RunDir, plan: Plan, host: Host, given: GivenObjects, rank: int) -> Outcome:
    began = time.monotonic()
    logs = run_dir.logs(plan.config)
    events = RecordWriter(logs / "events.jsonl" if rank == 0 else None)
    with _log(logs / ("train.log" if rank == 0 else f"rank-{rank}.log"), to_terminal=rank == 0) as log:
        try:
            with StopFlag() as stop:
                settled = settle_device(plan, detect())
                job = Job(run_dir, plan, settled.config(plan), settled, host, given, log, events)
                for line in missing_packages(plan, host) if rank == 0 else ():
                    log.warning(line)
                with (
                    job_environment(run_dir, plan, host, log.warning),
                    open_strategy(job) as strategy,
                    activated(RunLogger(run_dir.path if rank == 0 else None, logs, events)) as logger,
                ):
                    outcome = _guarded(job, strategy, stop, logger)
        except KeyboardInterrupt:
            if rank == 0:
                reason = "second Ctrl-C: nothing saved"
                run_dir.write_outcome(Outcome("interrupted", reason=reason, seconds=_since(began)))
            raise
        except (
            Exception,
            SystemExit,
            GeneratorExit,
        ) as problem:  # a user's file that calls sys.exit() has not trained anything
            log.error(traceback.format_exc())
            outcome = failed(problem, run_dir, plan)
    if rank:
        return outcome
    outcome = replace(outcome, seconds=_since(began))
    run_dir.write_outcome(outcome)
    with contextlib.suppress(OSError):  # the outcome is written; a disk that is full now changes nothing
        events.event(outcome.status, step=outcome.steps, reason=outcome.reason)
    events.close()
    return outcome


def _guarded(job: Job, strategy: Strategy, stop: StopFlag, logger: RunLogger) -> Outcome:
    """A failure is noted before the other processes lose their peer."""
    try:
        return _train(job, strategy, stop, logger)
    except (Exception, SystemExit, GeneratorExit) as problem:
        job.log.error(traceback.format_exc())
        return failed(problem, job.run_dir, job.plan)


def _train(job: Job, strategy: Strategy, stop: StopFlag, logger: RunLogger) -> Outcome:
    """Data, model, parts, perhaps an earlier state, then the loop."""
    plan, log, main = job.plan, job.log, strategy.place.is_main
    seed = plan.seed
    keys = job.config.reproducibility
    use_deterministic(keys.deterministic, keys.benchmark)
    code = planned_code(plan)
    if main:
        _keep_code(job.run_dir, plan, code)
    seed_all(seed)
    splits = build_data(job)
    job = settle_measures(job, splits.val is not None)
    if main:
        job.run_dir.write_settled(job.settled)
    data = strategy.broadcast(_digests(job, splits) if main else None)
    seed_all(seed)
    model = build_model(job)
    begin_with(job, model)
    checkpoints = Checkpoints(
        job.run_dir.checkpoints(plan.config),
        keep_policy(job.config),
        _announcer(job),
        job.config.checkpoint.pth_names,
        writes=main,
    )
    parts, schedule = build_parts(job, strategy, splits, model, checkpoints, data)
    trainer = Trainer(parts, stop)
    if plan.resume:
        _resume(job, trainer, schedule, job.run_dir.path / plan.resume)
    parts.callbacks = build_callbacks(job, schedule, trainer.progress.step, logger) if main else job.given.callbacks
    _log_facts(job, trainer)
    job.events.event("training", step=trainer.progress.step, device=str(strategy.device))
    status: Status
    logger.pause()
    try:
        trainer.fit()
        status, reason = "finished", "patience used up" if trainer.progress.stopped_early else ""
    except Interrupted as interruption:
        status, reason = "interrupted", str(interruption)
    except (Exception, SystemExit, GeneratorExit) as problem:
        log.error(traceback.format_exc())
        with contextlib.suppress(Exception):  # the checkpoint that is being written is what can be resumed
            checkpoints.wait()
        return failed(problem, job.run_dir, plan, trainer.progress)
    finally:
        for batches in (parts.train, parts.val):
            if batches:
                batches.close()
        if main:  # also what was imported by a name that is put together while it runs
            _keep_code(job.run_dir, plan, loaded_sources(plan.base_dir.resolve()))
    if main:
        _alert_of_nan(job, trainer)
    log.info("%s after %d epochs, %d steps", status, trainer.progress.epoch, trainer.progress.step)
    return _outcome(job, status, reason, trainer, data, splits.features)


def _digests(job: Job, splits: Splits) -> dict[str, str]:
    data = fingerprints(splits)
    if job.given.data is None and not splits.fingerprint:
        data |= file_fingerprints(job)
    return data


def _resume(job: Job, trainer: Trainer, schedule: Schedule, place: Path) -> None:
    """Load the state of an earlier run, and take over what it had found best: that is this run's, too."""
    warn = job.log.warning
    path, state = find_state(place, warn)
    load_into(trainer, state, path, job.plan, schedule, warn)
    progress = trainer.progress
    if same_measures(state, trainer.parts):
        trainer.parts.checkpoints.adopt(path.parent, progress.step, warn)
    else:
        warn("the best checkpoint of before is not compared with those of now: data, loss or evaluation differ")
    job.log.info("resumed from %s at epoch %d, step %d", path, progress.epoch + 1, progress.step)
    job.events.event("resumed", checkpoint=path, step=progress.step)


def _log_facts(job: Job, trainer: Trainer) -> None:
    parts, log = trainer.parts, job.log
    for choice in (*job.plan.choices, *job.settled.choices):
        log.info("%s: %s (%s)", choice.key, choice.value, choice.reason)
    learned = sum(p.numel() for p in parts.engine.trainable.parameters() if p.requires_grad)
    log.info("model: %s, %d parameters that are trained", type(parts.model).__name__, learned)
    held_out = parts.val.samples if parts.val else 0
    log.info("data: %d samples to train on, %d to validate on", parts.train.samples, held_out)


def _alert_of_nan(job: Job, trainer: Trainer) -> None:
    metrics = trainer.progress.metrics
    lost = [k for k in ("train/loss", "val/loss") if not math.isfinite(metrics.get(k, 0.0))]
    if not lost:
        return
    message, advice = f"not finite at the end: {', '.join(lost)}", "lower the learning rate, or clip gradients"
    job.log.warning("%s; %s", message, advice)
    values = {key: metrics[key] for key in lost}
    alert = Alert(job.plan.run_id, "not_finite", "error", message, advice, trainer.progress.step, values)
    for problem in job.host.alert(alert):
        job.log.warning(problem)


def _outcome(
    job: Job, status: Status, reason: str, trainer: Trainer, data: dict[str, str], features: Sequence[str]
) -> Outcome:
    parts, progress = trainer.parts, trainer.progress
    infos = parts.checkpoints.infos()
    best = parts.checkpoints.best()
    newest = next((info for info in reversed(infos) if info.finite), infos[-1] if infos else None)
    chosen = best if best and parts.checkpoints.policy.save_best else newest
    recipe = {"data": data, "code": code_of(job), "signature": {}, "state": state_shapes(parts.model)}
    if status == "finished" and parts.strategy.place.is_main:
        recipe["signature"] = signature_of(parts, features)
    error = None
    if status == "finished" and chosen and not chosen.finite and not job.config.registry.allow_nonfinite:
        status, error = "failed", _diverged(job.run_dir)
    return Outcome(
        status,
        steps=progress.step,
        epochs=progress.epoch,
        metrics=dict(progress.metrics),
        best=_best(best, parts.checkpoints.policy.monitor),
        checkpoint=chosen.path.name if chosen else None,
        recipe=recipe,
        reason=error["message"] if error else reason,
        error=error,
    )


def _diverged(run_dir: RunDir) -> dict[str, Any]:
    problem = NotFiniteError(
        "the model diverged: no checkpoint has finite weights and losses, so nothing is registered",
        "lower the learning rate, or clip gradients; "
        f"`regtrain models register {run_dir.path} --model NAME --allow-nonfinite` registers it all the same",
    )
    return {
        "code": problem.code, "message": problem.message, "hint": problem.hint, "exit_code": problem.exit_code
    }  # fmt: skip


def _best(info: CheckpointInfo | None, monitor: str) -> dict[str, object] | None:
    if info is None:
        return None
    return {"metric": monitor, "value": info.metrics[monitor], "step": info.step, "checkpoint": str(info.path)}


def _announcer(job: Job) -> Callable[[CheckpointInfo], None]:
    def saved(info: CheckpointInfo) -> None:
        job.events.event("checkpoint_saved", step=info.step, checkpoint=info.path.name)
        event = CheckpointEvent(job.plan.run_id, info.path, info.step, info.epoch, info.metrics)
        for problem in job.host.checkpoint_saved(event):
            job.log.warning(problem)

    return saved


def _keep_code(run_dir: RunDir, plan: Plan, sources: Mapping[Path, bytes]) -> None:
    """The user's own files as they were run: they are part of what was trained."""
    base = plan.base_dir.resolve()
    for file, source in sources.items():
        copy = run_dir.code / file.relative_to(base)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source)


class _LogFile(logging.FileHandler):
    """A full disk is one error of the run, not an error of each line."""

    def handleError(self, record: logging.LogRecord) -> None: ...  # noqa: N802


@contextlib.contextmanager
def _log(path: Path, *, to_terminal: bool) -> Iterator[logging.Logger]:
    """A file with everything; warnings also to standard error."""
    log = logging.Logger("regtrain.job", logging.INFO)  # of this run alone: another thread may have a run too
    to_file = _LogFile(path, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_person = logging.StreamHandler(sys.stderr)
    to_person.setLevel(logging.WARNING)
    to_person.addFilter(lambda record: record.levelno == logging.WARNING)
    to_person.setFormatter(logging.Formatter("warning: %(message)s"))
    log.handlers[:] = [to_file, to_person] if to_terminal else [to_file]
    try:
        yield log
    finally:
        with contextlib.suppress(OSError):
            to_file.close()


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
