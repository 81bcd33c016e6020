"""Printing: aligned columns for people, one JSON document for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

__all__ = [
    "filter_option",
    "json_option",
    "limit_option",
    "number",
    "order_option",
    "plain",
    "print_json",
    "print_table",
    "say",
    "size",
    "time",
]

# What a terminal obeys instead of showing it, and what makes it show text in another order than it has.
UNSEEN = (*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
ESCAPES = {code: chr(code).encode("unicode_escape").decode("ascii") for code in UNSEEN}
IN_LINES = {code: escape for code, escape in ESCAPES.items() if chr(code) not in "\n\t"}
MOST = 2**31 - 1

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
filter_option = click.option("--filter", metavar="FILTER", help="Show what this holds for: metrics.acc > 0.9.")
order_option = click.option("--order-by", metavar="COLUMNS", help="Show in this order: metrics.acc desc, name.")
limit_option = click.option("--limit", type=click.IntRange(1, MOST), metavar="N", help="Show this many at most.")


def plain(text: str) -> str:
    """Text of whatever origin as it may go to a terminal: control and bidi characters as escapes, lines as they are."""
    return _escaped(text, IN_LINES)


def _escaped(text: str, escapes: Mapping[int, str]) -> str:
    # Nearly all text is printable, which is known a score of times sooner.
    return text if text.isprintable() else text.translate(escapes)


def say(text: object = "", *, err: bool = False, end: bool = True) -> None:
    """Print for people; `print_json` prints for programs."""
    click.echo(plain(str(text)), err=err, nl=end)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; the last one as long as it is. A row is one line, whatever is in it."""
    cells = [[_escaped(str(cell), ESCAPES) if cell is not None else "-" for cell in row] for row in rows]
    header = [_escaped(name, ESCAPES) for name in header]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in (header, *cells):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def size(count: int) -> str:
    """Bytes for people: 1.2 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def time(value: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time in UTC for people; `-` where there is none."""
    return "-" if value is None else value.strftime(form)


def number(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):  # JSON has no NaN: it becomes None
        return "not finite"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
