"""Times in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import CreateTable

from regtrain_registry.db.tables import MODELS, UtcTime
from regtrain_registry.json_values import iso

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=OFFSETS))
def test_a_time_comes_back_as_the_same_moment(time: datetime) -> None:
    """Whatever the zone: stored as UTC without zone, to the microsecond, read as UTC."""
    stored = UtcTime().process_bind_param(time, dialect())
    assert stored is not None
    assert stored.tzinfo is None
    sqlite = dialect()
    kind = UtcTime().dialect_impl(sqlite)
    bind, decode = kind.bind_processor(sqlite), kind.result_processor(sqlite, None)
    assert bind is not None and decode is not None
    read = decode(bind(time))
    assert read is not None
    assert read == time
    assert read.tzinfo is UTC
    assert iso(time) == stored.isoformat(timespec="microseconds") + "Z"


def test_a_time_without_zone_is_refused() -> None:
    """Nobody can say later which moment it was."""
    with pytest.raises(ValueError, match="without zone"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), dialect())


@pytest.mark.parametrize(
    ("database", "column"),
    [
        (mysql.dialect(), "created_at DATETIME(6)"),
        (postgresql.dialect(), "created_at TIMESTAMP WITHOUT TIME ZONE"),
        (dialect(), "created_at DATETIME"),
    ],
    ids=["mysql", "postgresql", "sqlite"],
)
def test_every_database_keeps_microseconds(database: Any, column: str) -> None:
    """MySQL must be told; the others do."""
    assert f"{column} NOT NULL" in str(CreateTable(MODELS).compile(dialect=database))
