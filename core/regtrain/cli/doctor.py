"""`regtrain doctor`: whether this installation can do what it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regtrain.cli.output import json_option, plain, print_json, print_table, say

if TYPE_CHECKING:
    from regtrain.doctor import Row

__all__ = ["doctor"]

COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@json_option
def doctor(config: Path | None, overrides: tuple[str, ...], as_json: bool) -> int:
    """Check versions, devices, plugins, registry, store, trackers, clusters and clock, and what CONFIG asks of them.

    Exit code 1 where a row is a failure.
    """
    from regtrain.config import load
    from regtrain.doctor import diagnose

    resolved = load(config, overrides=overrides) if config else None
    rows = diagnose(Path.cwd(), resolved)
    failures = sum(row.status == "failure" for row in rows)
    if as_json:
        print_json({"ok": not failures, "checks": [row.to_json() for row in rows]})
        return int(failures > 0)
    if sys.stdout.isatty():
        _print_rich(rows)
    else:
        print_table(("check", "status", "finding"), [(row.name, row.status, _finding(row)) for row in rows])
    warnings = sum(row.status == "warning" for row in rows)
    say(f"{len(rows)} checks: {failures} failures, {warnings} warnings", err=True)
    return int(failures > 0)


def _finding(row: Row) -> str:
    return f"{row.message} → {row.remedy}" if row.remedy else row.message


def _print_rich(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "status", "finding", "remedy", box=None, pad_edge=False)
    for row in rows:
        # as text, so that nothing in a message is taken for markup
        cells = [Text(plain(cell)) for cell in (row.name, row.status, row.message, row.remedy)]
        cells[1].stylize(COLOURS[row.status])
        table.add_row(*cells)
    Console().print(table)
