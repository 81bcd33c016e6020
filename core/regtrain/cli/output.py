"""Printing: aligned columns for people, one JSON document for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

__all__ = [
    "filter_option",
    "json_option",
    "limit_option",
    "number",
    "order_option",
    "print_json",
    "print_table",
    "size",
]

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
filter_option = click.option("--filter", metavar="FILTER", help="Show what this holds for: metrics.acc > 0.9.")
order_option = click.option("--order-by", metavar="COLUMNS", help="Show in this order: metrics.acc desc, name.")
limit_option = click.option("--limit", type=click.IntRange(min=1), help="Show this many at most.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; the last one as long as it is."""
    cells = [[str(cell) if cell is not None else "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in (header, *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def size(count: int) -> str:
    """Bytes for people: 1.2 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def number(value: Any) -> str:
    if value is None:  # JSON has no NaN and no infinity
        return "not finite"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
