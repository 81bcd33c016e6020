"""The columns that filters and orders may name: of versions, of models and of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from regtrain_registry.domain.records import STORED_STATUSES
from regtrain_registry.domain.run_records import RunStatus
from regtrain_registry.query.tree import Kind, Operator

__all__ = ["MODELS", "OPERATORS", "RUNS", "VERSIONS", "ColumnSpec", "Columns"]

_EQUAL = (Operator.EQ, Operator.NE)
_ORDER = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_LIKE = (Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE)
_IN = (Operator.IN, Operator.NOT_IN)
OPERATORS: Mapping[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (*_EQUAL, *_LIKE, *_IN),
    Kind.NUMBER: (*_EQUAL, *_ORDER, *_IN),
    Kind.TIME: (*_EQUAL, *_ORDER),
    Kind.VERSION: (*_EQUAL, *_ORDER, *_IN),
    Kind.SCALAR: (*_EQUAL, *_ORDER, *_LIKE, *_IN),
}


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column. keyed: a key follows its name. optional: a row may have no value. many: a row may have several.
    choices: the only values."""

    kind: Kind
    keyed: bool = False
    optional: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of versions, models or runs (`what`), and synonyms of their names."""

    what: str
    specs: Mapping[str, ColumnSpec]
    synonyms: Mapping[str, str] = field(default_factory=dict)


_TEXT, _NUMBER, _TIME = ColumnSpec(Kind.TEXT), ColumnSpec(Kind.NUMBER), ColumnSpec(Kind.TIME)
_MAYBE_TEXT = ColumnSpec(Kind.TEXT, optional=True)
_MAYBE_NUMBER = ColumnSpec(Kind.NUMBER, optional=True)
_NAMES = ColumnSpec(Kind.TEXT, optional=True, many=True)
_KEYED = {
    "metrics": ColumnSpec(Kind.NUMBER, keyed=True, optional=True),
    "params": ColumnSpec(Kind.SCALAR, keyed=True, optional=True),
    "tags": ColumnSpec(Kind.TEXT, keyed=True, optional=True),
}
_KEYED_SYNONYMS = {
    "metric": "metrics",
    "param": "params",
    "parameter": "params",
    "parameters": "params",
    "tag": "tags",
    "aliases": "alias",
}
_RUN_STATUS = tuple(status.value for status in RunStatus if status is not RunStatus.DAMAGED)
_STATUS = tuple(status.value for status in STORED_STATUSES)

VERSIONS = Columns(
    "versions",
    {
        "name": _TEXT,
        "version": ColumnSpec(Kind.VERSION),
        "number": _NUMBER,
        "status": ColumnSpec(Kind.TEXT, choices=_STATUS),
        "stage": _NAMES,
        "alias": _NAMES,
        "created_at": _TIME,
        "created_by": _TEXT,
        "size_bytes": _NUMBER,
        "digest": _TEXT,
        "run_id": _MAYBE_TEXT,
        "git_commit": _MAYBE_TEXT,
        **_KEYED,
    },
    {
        **_KEYED_SYNONYMS,
        "model": "name",
        "version_number": "number",
        "created": "created_at",
        "creation_timestamp": "created_at",
    },
)
MODELS = Columns(
    "models",
    {
        "name": _TEXT,
        "versions": _NUMBER,
        "size_bytes": _NUMBER,
        "stage": _NAMES,
        "alias": _NAMES,
        "latest": ColumnSpec(Kind.VERSION, optional=True),
        "number": _MAYBE_NUMBER,
        "status": ColumnSpec(Kind.TEXT, optional=True, choices=_STATUS),
        "created_at": ColumnSpec(Kind.TIME, optional=True),
        **_KEYED,
    },
    {**_KEYED_SYNONYMS, "model": "name", "version": "latest", "created": "created_at"},
)
RUNS = Columns(
    "runs",
    {
        "run_id": _TEXT,
        "name": _TEXT,
        "status": ColumnSpec(
            Kind.TEXT, choices=tuple(status.value for status in RunStatus if status is not RunStatus.DAMAGED)
        ),
        "started_at": _TIME,
        "finished_at": ColumnSpec(Kind.TIME, optional=True),
        "seconds": _MAYBE_NUMBER,
        "steps": _MAYBE_NUMBER,
        "epochs": _MAYBE_NUMBER,
        "host": _TEXT,
        "model": _MAYBE_TEXT,
        "version": ColumnSpec(Kind.VERSION, optional=True),
        "metrics": _KEYED["metrics"],
    },
    {
        "metric": "metrics",
        "run_name": "name",
        "start_time": "started_at",
        "end_time": "finished_at",
        "started": "started_at",
        "id": "run_id",
    },
)
