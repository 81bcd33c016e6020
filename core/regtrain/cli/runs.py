"""`regtrain runs` and `regtrain checkpoints`: what was recorded while training."""

from __future__ import annotations

from pathlib import Path

import click

from regtrain.checkpoint.keep import Mode, best_of, list_checkpoints, mode_of
from regtrain.cli.output import json_option, limit_option, number, print_json, print_table, size
from regtrain.run.place import open_registry
from regtrain.run_dir import RunDir
from regtrain.types import Plan

__all__ = ["checkpoints", "runs"]


@click.group()
def runs() -> None:
    """Recorded runs."""


@runs.command("list")
@limit_option
@json_option
def list_runs(limit: int | None, as_json: bool) -> None:
    """Every run, newest first. A run whose process is gone is shown as lost."""
    found = open_registry(Path.cwd()).runs(limit)
    if as_json:
        print_json([run.to_json() for run in found])
        return
    rows = [
        (run.run_id, run.status.value, f"{run.started_at:%Y-%m-%d %H:%M}", run.epochs, _version(run.model, run.version))
        for run in found
    ]
    print_table(("run", "status", "started", "epochs", "version"), rows)


@runs.command()
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> None:
    """One run, by id, name or folder."""
    found = open_registry(Path.cwd()).run(run)
    if as_json:
        print_json(found.to_json())
        return
    facts = [
        ("run", found.run_id),
        ("status", found.status.value + (f": {found.error}" if found.error else "")),
        ("started", f"{found.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("ended", f"{found.finished_at:%Y-%m-%d %H:%M:%S} UTC" if found.finished_at else "-"),
        ("folder", found.run_dir),
        ("epochs, steps", f"{found.epochs}, {found.steps}"),
        ("metrics", ", ".join(f"{key} {number(value)}" for key, value in found.metrics.items()) or "-"),
        ("version", _version(found.model, found.version)),
        ("went on from", found.resumed_from or "-"),
        ("code", found.code.get("git_commit") or "no git"),
        ("data", ", ".join(f"{name} {digest}" for name, digest in found.data.items()) or "-"),
    ]
    print_table(("fact", "value"), facts)


@click.group()
def checkpoints() -> None:
    """Checkpoints of a run."""


@checkpoints.command("list")
@click.argument("run")
@json_option
def list_of_run(run: str, as_json: bool) -> None:
    """Complete checkpoints of RUN (id, name or folder), oldest first."""
    from regtrain.errors import RunNotFoundError
    from regtrain.run.resume import run_dir_of

    owner = run_dir_of(Path(run).resolve()) if Path(run).exists() else None
    owner = owner or run_dir_of(Path(open_registry(Path.cwd()).run(run).run_dir))
    if owner is None:
        raise RunNotFoundError(
            f"the folder of run {run!r} is gone", "`models checkout` brings back what was registered"
        )
    plan = owner.read_plan()
    infos = list_checkpoints(owner.checkpoints(plan.config))
    best = best_of(infos, *_monitored(owner, plan))
    rows = []
    for info in infos:
        tags = [tag for tag, other in (("best", best), ("last", infos[-1])) if other and other.path == info.path]
        rows.append(
            {
                "path": str(info.path),
                "step": info.step,
                "epoch": info.epoch,
                "metrics": dict(info.metrics),
                "size_bytes": info.size_bytes,
                "digest": info.files["model.safetensors"]["digest"],
                "tags": tags,
            }
        )
    if as_json:
        print_json(rows)
        return
    shown = [
        (Path(r["path"]).name, r["epoch"], size(r["size_bytes"]), ", ".join(r["tags"]) or "-", _metrics(r["metrics"]))
        for r in rows
    ]
    print_table(("checkpoint", "epoch", "size", "tags", "metrics"), shown)


def _monitored(owner: RunDir, plan: Plan) -> tuple[str, Mode]:
    """What the run itself went by: without validation data that is the training loss, whatever was planned."""
    outcome = owner.read_outcome()
    monitor = str(plan.choice("checkpoint.monitor"))
    if outcome and outcome.best and outcome.best["metric"] != monitor:
        return str(outcome.best["metric"]), mode_of(str(outcome.best["metric"]))
    return monitor, plan.choice("checkpoint.mode")


def _version(model: str | None, version: str | None) -> str:
    return f"{model}@{version}" if model and version else "-"


def _metrics(metrics: dict[str, float]) -> str:
    return ", ".join(f"{key} {number(value)}" for key, value in metrics.items()) or "-"
