"""`regtrain runs compare`: what differs between runs, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regtrain.cli.output import json_option, number, print_json, print_table
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry import RunDetail

__all__ = ["compare"]


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@json_option
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """What differs between runs: config, data, code, and all metrics side by side."""
    registry = open_registry(Path.cwd())
    found = [registry.run(name) for name in names]
    parts = _parts(found)
    if as_json:
        heads = [{"run_id": r.run_id, "name": r.name, "status": r.status.value, "version": _version(r)} for r in found]
        print_json({"runs": heads, **parts})
        return
    rows: list[tuple[Any, ...]] = [
        ("status", "", *(run.status.value for run in found)),
        ("version", "", *(_version(run) or "-" for run in found)),
    ]
    rows += [(part, key, *map(_shown, values)) for part, keys in parts.items() for key, values in keys.items()]
    print_table(("part", "key", *(run.run_id for run in found)), rows)


def _parts(runs: Sequence[RunDetail]) -> dict[str, dict[str, list[Any]]]:
    """Part → key → the value in each run: what differs, and every metric."""
    from regtrain_registry.json_values import flat

    differing = {
        "config": [flat(run.config) for run in runs],
        "data": [flat(run.data) for run in runs],
        "code": [{"git_commit": run.code.get("git_commit"), "dirty": run.code.get("dirty")} for run in runs],
    }
    parts = {part: _side_by_side(values, every=False) for part, values in differing.items()}
    return parts | {"metrics": _side_by_side([run.metrics for run in runs], every=True)}


def _side_by_side(values: Sequence[dict[str, Any]], *, every: bool) -> dict[str, list[Any]]:
    keys = sorted(set().union(*values))
    table = {key: [one.get(key) for one in values] for key in keys}
    return {key: row for key, row in table.items() if every or any(value != row[0] for value in row)}


def _shown(value: Any) -> str:
    from regtrain_registry.domain.recipe import shown

    return number(value) if isinstance(value, float) else shown(value)


def _version(run: RunDetail) -> str | None:
    return f"{run.model}@{run.version}" if run.model and run.version else None
