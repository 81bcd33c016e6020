"""Curves of the metrics that a run wrote, as SVG. Matplotlib draws them where it is installed (extra `plots`)."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic_core import from_json

__all__ = ["HOW_TO_GET", "can_draw", "draw", "read_curves"]

HOW_TO_GET = "pip install 'regtrain[plots]'"
MAX_PLOTS = 12
MAX_CURVES = 200
MAX_POINTS = 2000  # of a curve; more than a picture has pixels across
MAX_VALUE = 1e300  # axes add something to the range
MAX_LINE = 1 << 20
_LOAD = "system/"  # of the machine, which says nothing about the model
_INDEX = ("step", "epoch", "time")

Points = list[tuple[float, float]]
Curves = Mapping[str, Mapping[str, Points]]
"""Name of a quantity (loss) → of whom (train, val) → step and value."""


def can_draw() -> bool:
    """Whether matplotlib is installed; it is not imported for that."""
    return find_spec("matplotlib") is not None


class _Curve:
    """Points of a curve, thinned while they come: all, then every second one, then every fourth…, and the last."""

    def __init__(self) -> None:
        self._points: Points = []
        self._count = 0
        self._stride = 1
        self._last: tuple[float, float] | None = None

    def add(self, x: float, y: float) -> None:
        self._last = (x, y)
        if self._count % self._stride == 0:
            self._points.append(self._last)
            if len(self._points) > MAX_POINTS:
                self._points = self._points[::2]
                self._stride *= 2
        self._count += 1

    def points(self) -> Points:
        last = [self._last] if self._last and self._points[-1] is not self._last else []
        return self._points + last


def read_curves(lines: Iterable[str]) -> Curves:
    """The lines of a metrics.jsonl. What is no such line, and values that are no finite numbers, are left out."""
    found: dict[tuple[str, str], _Curve] = {}
    for record in _records(lines):
        for name, value in record.items():
            if name in _INDEX or name.startswith(_LOAD) or not _finite(value):
                continue
            owner, _, quantity = name.rpartition("/")
            if (quantity, owner) in found or len(found) < MAX_CURVES:
                found.setdefault((quantity, owner), _Curve()).add(float(record["step"]), float(value))
    curves: dict[str, dict[str, Points]] = defaultdict(dict)
    for (quantity, owner), curve in found.items():
        curves[quantity][owner] = curve.points()
    return curves


def _records(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            record = from_json(line) if len(line) <= MAX_LINE else None
        except ValueError:
            continue
        if isinstance(record, dict) and _finite(record.get("step")):
            yield record


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value)) and abs(value) <= MAX_VALUE
    except OverflowError:
        return False


def draw(curves: Curves, folder: Path) -> dict[str, str]:
    """Draw one picture a quantity into a new folder; file name → what it shows. The loss comes first.

    The same curves give the same bytes.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn: dict[str, str] = {}
    chosen = sorted(curves, key=lambda name: (name != "loss", name == "lr", name))[:MAX_PLOTS]
    settings: Any = {"svg.hashsalt": "regtrain", "svg.fonttype": "none", "text.parse_math": False}
    for place, quantity in enumerate(chosen, start=1):
        # A letter that the font has not is measured by guess; the reader's font may have it.
        with rc_context(settings), warnings.catch_warnings(action="ignore", category=UserWarning):
            figure = Figure(figsize=(6.4, 3.6), layout="constrained")
            axes = figure.add_subplot()
            owners = sorted(curves[quantity])
            for owner in owners:
                points = curves[quantity][owner]
                mark = "o" if len(points) == 1 else None
                axes.plot([x for x, _ in points], [y for _, y in points], label=_label(owner), marker=mark)
            axes.set(xlabel="step", title=_clean(quantity))
            axes.grid(visible=True, alpha=0.3)
            axes.legend()
            name = f"{place:02d}-{_file_name(quantity)}.svg"
            folder.mkdir(exist_ok=True)
            figure.savefig(folder / name, format="svg", metadata={"Date": None})
        drawn[name] = f"{quantity} ({', '.join(owner or 'all' for owner in owners)}) by step"
    return drawn


def _label(owner: str) -> str:
    text = _clean(owner) or "all"
    return f" {text}" if text.startswith("_") else text  # matplotlib hides what begins with an underscore


def _clean(text: str) -> str:
    """Without what XML has no place for."""
    return "".join(letter for letter in text if letter.isprintable())[:60]


def _file_name(quantity: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in quantity.lower()).strip("-")[:40] or "metric"
