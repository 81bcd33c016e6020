"""`regtrain runs` and `regtrain checkpoints`: what was recorded while training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from regtrain.checkpoint.directions import mode_of
from regtrain.checkpoint.keep import CheckpointInfo, Mode, best_of, list_checkpoints
from regtrain.cli.compare import compare
from regtrain.cli.output import (
    filter_option,
    json_option,
    limit_option,
    number,
    order_option,
    print_json,
    print_table,
    say,
    size,
    time,
)
from regtrain.cli.sync import cancel, sync
from regtrain.run.open_registry import open_registry
from regtrain.run.retention import monitored
from regtrain.run_dir import RunDir

__all__ = ["checkpoints", "runs"]

SHOWN_DATA = 5


@click.group()
def runs() -> None:
    """Recorded runs."""


runs.add_command(compare)
runs.add_command(sync)
runs.add_command(cancel)


@runs.command("list")
@filter_option
@order_option
@limit_option
@json_option
def list_runs(filter: str | None, order_by: str | None, limit: int | None, as_json: bool) -> None:
    """Every run, newest first. A run whose process has died is shown as lost."""
    found = open_registry(Path.cwd()).runs(limit, filter=filter, order_by=order_by)
    if as_json:
        print_json([run.to_json() for run in found])
        return
    rows = [
        (run.run_id, run.status.value, time(run.started_at), run.epochs, _version(run.model, run.version))
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
        ("started", f"{time(found.started_at, '%Y-%m-%d %H:%M:%S')} UTC"),
        ("ended", f"{found.finished_at:%Y-%m-%d %H:%M:%S} UTC" if found.finished_at else "-"),
        ("folder", found.run_dir),
        ("epochs, steps", f"{found.epochs}, {found.steps}"),
        ("metrics", ", ".join(f"{key} {number(value)}" for key, value in found.metrics.items()) or "-"),
        ("version", _version(found.model, found.version)),
        ("resumed from", found.resumed_from or "-"),
        ("code", found.code.get("git_commit") or "no git"),
        ("data", _data(found.data)),
    ]
    print_table(("fact", "value"), facts)


def _data(digests: dict[str, str]) -> str:
    """The first of the digests: a folder of data has one for each file."""
    shown = [f"{name} {digest}" for name, digest in list(digests.items())[:SHOWN_DATA]]
    more = len(digests) - len(shown)
    return ", ".join(shown + ([f"{more} more (--json has all)"] if more else [])) or "-"


@click.group()
def checkpoints() -> None:
    """Checkpoints of a run."""


@checkpoints.command("list")
@click.argument("run")
@json_option
def list_of_run(run: str, as_json: bool) -> None:
    """Complete checkpoints of RUN (id, name or folder), oldest first."""
    owner = _owner(run)
    plan = owner.read_plan()
    infos = list_checkpoints(owner.checkpoints(plan.config))
    best = best_of(infos, *monitored(owner, plan))
    rows = []
    for info in infos:
        tags = [tag for tag, other in (("best", best), ("last", infos[-1])) if other and other.path == info.path]
        rows.append(_facts(info) | {"tags": tags})
    if as_json:
        print_json(rows)
        return
    shown = [
        (Path(r["path"]).name, r["epoch"], size(r["size_bytes"]), ", ".join(r["tags"]) or "-", _metrics(r["metrics"]))
        for r in rows
    ]
    print_table(("checkpoint", "epoch", "size", "tags", "metrics"), shown)


@checkpoints.command()
@click.argument("run")
@click.option("--metric", help="What to go by; what the run itself went by when left out.")
@click.option("--mode", type=click.Choice(["min", "max"]), help="Whether less or more is better; from the name.")
@json_option
def best(run: str, metric: str | None, mode: Mode | None, as_json: bool) -> None:
    """The best checkpoint of RUN that is there: its path."""
    from regtrain.errors import RunNotFoundError
    from regtrain.types.config.values import as_metric

    owner = _owner(run)
    plan = owner.read_plan()
    infos = list_checkpoints(owner.checkpoints(plan.config))
    name, better = monitored(owner, plan)
    if metric is not None:
        name = str(as_metric(metric))
        better = mode or mode_of(name, "--mode")
    found = best_of(infos, name, mode or better)
    if found is None:
        names = sorted({key for info in infos for key in info.metrics})
        raise RunNotFoundError(
            f"no checkpoint of {run} has the metric {name}", f"their metrics: {', '.join(names) or 'none'}"
        )
    if as_json:
        print_json(_facts(found) | {"metric": name, "value": found.metrics[name]})
        return
    say(found.path)


@checkpoints.command("prune")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@json_option
def prune_of_run(run: str, dry_run: bool, as_json: bool) -> None:
    """Remove the checkpoints of RUN that its own config does not keep."""
    from regtrain.run.retention import prune_checkpoints

    owner = _owner(run)
    decisions = prune_checkpoints(owner, running=_is_running(owner), dry_run=dry_run)
    if as_json:
        actions = {True: "keep", False: "remove"}
        print_json([_facts(decision.info) | {"action": actions[decision.stays]} for decision in decisions])
        return
    removed = [decision.info for decision in decisions if not decision.stays]
    for info in removed:
        say(info.path)
    would = "would be removed" if dry_run else "removed"
    say(f"{len(removed)} of {len(decisions)} checkpoints {would}, {size(sum(info.size_bytes for info in removed))}")


def _owner(run: str) -> RunDir:
    """The folder of a run, by id, name or path."""
    from regtrain.errors import RunNotFoundError
    from regtrain.run.resume import run_dir_of

    owner = run_dir_of(Path(run).resolve()) if Path(run).exists() else None
    owner = owner or run_dir_of(Path(open_registry(Path.cwd()).run(run).run_dir))
    if owner is None:
        raise RunNotFoundError(
            f"the folder of run {run!r} does not exist any more", "`models checkout` brings back what was registered"
        )
    return owner


def _is_running(owner: RunDir) -> bool:
    """As the registry knows; a run that none knows is at work until it has left an outcome."""
    from regtrain_registry import RegistryError, RunStatus

    plan = owner.read_plan()
    try:
        known = open_registry(Path.cwd(), plan.base_dir, plan.config.registry).run(plan.run_id)
    except RegistryError:
        return owner.read_outcome() is None
    return known.status in (RunStatus.QUEUED, RunStatus.RUNNING)


def _facts(info: CheckpointInfo) -> dict[str, Any]:
    return {
        "path": str(info.path),
        "step": info.step,
        "epoch": info.epoch,
        "metrics": dict(info.metrics),
        "size_bytes": info.size_bytes,
        "digest": info.files["model.safetensors"]["digest"],
    }


def _version(model: str | None, version: str | None) -> str:
    return f"{model}@{version}" if model and version else "-"


def _metrics(metrics: dict[str, float]) -> str:
    return ", ".join(f"{key} {number(value)}" for key, value in metrics.items()) or "-"
