"""One database for the registry and for MLflow or Optuna: each upgrades and uses its own tables, and no other's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, inspect, select

from regtrain_registry.db.migrations import HEAD
from regtrain_registry.db.tables import PREFIX
from regtrain_registry.location import check_url
from regtrain_registry.ops.event_log import broken_chains
from support.programs import program
from support.registry.places import Place, database_on
from support.registry.schemas import differences
from support.registry.servers import postgresql

SCRIPT = program("registry/use_neighbour.py")
# What each says after it was used once, and after it was used a second time.
SAYS = {"optuna": (2, 4), "mlflow": ([1, 1], [1, 2])}


def use(neighbour: str, place: Place) -> Any:
    """Let the other program upgrade and use the database."""
    if find_spec(neighbour) is None:
        reason = f"{neighbour} is not installed: it is in the dependency group dev"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    url = check_url(place.uri).render_as_string(hide_password=False)
    command = [sys.executable, str(SCRIPT), neighbour, url]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def tables(place: Place, ours: bool) -> dict[str, tuple[Any, ...]]:
    """Columns, keys, indexes and rows of all tables that are ours, or of all that are not."""
    found = {}
    engine = place.engine()
    with engine.connect() as connection:
        inspector = inspect(connection)
        for name in inspector.get_table_names():
            if name.startswith(PREFIX) is ours:
                columns = [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)]
                keys = (inspector.get_pk_constraint(name), inspector.get_foreign_keys(name))
                indexes = sorted(str(index) for index in inspector.get_indexes(name))
                rows = connection.execute(select(Table(name, MetaData(), autoload_with=connection))).all()
                found[name] = (columns, str(keys), indexes, sorted(map(repr, rows)))
    engine.dispose()
    return found


def live_together(neighbour: str, place: Place) -> None:
    """First theirs, then ours; both upgraded again and used again."""
    once, twice = SAYS[neighbour]
    assert use(neighbour, place) == once
    theirs = tables(place, ours=False)
    assert "alembic_version" in theirs
    place.register()
    registry = place.open()
    registry.upgrade()
    assert tables(place, ours=False) == theirs
    ours = tables(place, ours=True)
    assert use(neighbour, place) == twice
    assert tables(place, ours=True) == ours
    assert registry.schema_version() == HEAD
    assert place.register().version == "1.0.1"
    assert registry._database.read(broken_chains) == []
    with place.engine().connect() as connection:
        assert differences(connection) == []


def come_later(neighbour: str, place: Place) -> None:
    """First ours, then theirs."""
    place.register()
    ours = tables(place, ours=True)
    assert use(neighbour, place) == SAYS[neighbour][0]
    assert tables(place, ours=True) == ours
    assert place.register().version == "1.0.1"


NEIGHBOURS = ["optuna", pytest.param("mlflow", marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
class TestSQLite:
    """In one file."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "home").mkdir()
        return Place(check_url(f"sqlite:///{tmp_path}/home/registry.db"), tmp_path)

    def test_both_live_together(self, neighbour: str, place: Place) -> None:
        """Rows and shape of the other's tables are the same after our upgrade, and ours after theirs."""
        live_together(neighbour, place)

    def test_the_other_may_come_later(self, neighbour: str, place: Place) -> None:
        """A registry's database becomes theirs as well."""
        come_later(neighbour, place)


@pytest.mark.slow
@pytest.mark.parametrize("neighbour", ["optuna", "mlflow"])
class TestPostgreSQL:
    """In one database of a server."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        with postgresql() as server, database_on(server, tmp_path) as place:
            yield place

    def test_both_live_together(self, neighbour: str, place: Place) -> None:
        """Rows and shape of the other's tables are the same after our upgrade, and ours after theirs."""
        live_together(neighbour, place)
