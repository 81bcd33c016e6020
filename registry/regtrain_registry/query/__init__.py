"""Filters and orders of lists: `metrics.val/accuracy > 0.9 and not status = archived`, parsed into values. Pure."""

from __future__ import annotations

from regtrain_registry.query.parsing import parse_filter, parse_order
from regtrain_registry.query.tree import And, Column, Comparison, Filter, Kind, Not, Operator, Or, OrderKey

__all__ = [
    "And",
    "Column",
    "Comparison",
    "Filter",
    "Kind",
    "Not",
    "Operator",
    "Or",
    "OrderKey",
    "parse_filter",
    "parse_order",
]
