"""What holds in any database when a registry of an older schema is brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, event, inspect, select

from regtrain_registry import Registration
from regtrain_registry.db.migrations import HEAD, VERSION_TABLE, alembic_config
from regtrain_registry.db.tables.all import METADATA, PREFIX
from regtrain_registry.domain.events import EventKind
from regtrain_registry.errors import RegistryError
from regtrain_registry.json_values import json_safe
from regtrain_registry.location import check_url
from regtrain_registry.ops.event_log import broken_chains
from support.registry.places import Place
from support.registry.schemas import differences, structure
from support.registry.write_stored import STORED, fill_first, in_order_of_time

CHANGES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "SELECT setval")
# Of what the newest schema added to 0001: how many rows what is stored there comes to.
FILLED = {"rt_events": 4, "rt_metrics": 3, "rt_data": 3, "rt_params": 2, "rt_version_params": 3, "rt_registry": 1}
EMPTY = (
    *("rt_tags", "rt_marks", "rt_exports", "rt_signatures", "rt_origins", "rt_run_inputs", "rt_parts", "rt_segments"),
    "rt_former_names",
)


def load(place: Place, schema: str = "0001") -> None:
    """The stored registry of a schema, in place of whatever is there."""
    with place.engine().connect() as connection:
        METADATA.drop_all(connection)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {VERSION_TABLE}")
    for copy in place.folder.glob("*.schema-*"):
        copy.unlink()
    place.load((STORED / f"schema_{schema}.{place.url.get_backend_name()}.sql").read_text(encoding="utf-8"))


def contents(place: Place, *without: str) -> dict[str, list[Any]]:
    """Every row of our tables but for what is drawn anew each time; `without`: columns."""
    left_out = {"rt_registry.uid", "rt_registry.witnessed_at", *without}
    found = {}
    with place.engine().connect() as connection:
        inspector = inspect(connection)
        there = set(inspector.get_table_names())
        for table in METADATA.sorted_tables:
            if table.name in there:
                names = {column["name"] for column in inspector.get_columns(table.name)}
                columns = [c for c in table.columns if c.name in names and f"{table.name}.{c.name}" not in left_out]
                rows = connection.execute(select(*columns)).all()
                found[table.name] = sorted((json_safe(tuple(row)) for row in rows), key=repr)
    return found


@contextmanager
def ending_before(number: int) -> Iterator[list[str]]:
    """A process that dies before the statement of that number, from 0, which changes something; what came until then."""
    seen: list[str] = []

    def note(*args: Any) -> None:
        statement = args[2].strip()
        if statement.startswith(CHANGES):
            if len(seen) == number:
                raise KeyboardInterrupt
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def moved(place: Place, revision: str) -> dict[str, Any]:
    """Take the schema back to a revision; what it is then."""
    engine = create_engine(check_url(place.uri))
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), revision)
    with engine.connect() as connection:
        found = structure(connection)
    engine.dispose()
    return found


class MigrationConformance:
    """One way up, whatever keeps the rows."""

    def test_an_upgrade_fills_what_is_new(self, place: Place) -> None:
        """Versions of the older schema are found by metrics, config and data, and have a history that holds and goes on."""
        load(place)
        registry = place.open()
        assert {table: place.count(table) for table in (*FILLED, *EMPTY)} == FILLED | dict.fromkeys(EMPTY, 0)
        assert len(registry.search("metrics.val/loss < 0.6")) == 3
        assert [v.version for v in registry.search("params.optimizer.lr = 0.1")] == ["1.0.0"]
        assert place.execute("SELECT DISTINCT name, digest FROM rt_data") == [("train", "sha256:1")]
        place.execute("INSERT INTO rt_params (name, value) VALUES ('x', 'y')")  # its number is a new one at once
        lines = [(e.seq, e.kind, e.version) for e in registry.history("digits")]
        assert lines == [
            (4, EventKind.ALIAS_SET, "1.1.0"),
            (3, EventKind.REGISTERED, "2.0.0-rc.1"),
            (2, EventKind.REGISTERED, "1.1.0"),
            (1, EventKind.REGISTERED, "1.0.0"),
        ]
        registry.tag("digits@1.0.0", "a", "b")
        place.register(files=(place.weights(b"new"),), config={"optimizer": {"lr": 0.1}, "new": 1})
        assert registry.history("digits")[0].seq == 6
        assert registry._database.read(broken_chains) == []
        assert [v.number for v in registry.search("params.optimizer.lr = 0.1")] == [4, 1]

    def test_an_upgrade_fills_what_registering_writes(self, place: Place) -> None:
        """The rows of what was registered with the first schema are those of the same registered today."""
        load(place)
        place.open()
        upgraded = contents(place, "rt_events.hash", "rt_models.head", "rt_events.who", "rt_versions.created_by")
        with place.engine().connect() as connection:
            METADATA.drop_all(connection)
            connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        fill_first(place.open(), place.folder)
        in_order_of_time(place)
        today = contents(place, "rt_events.hash", "rt_models.head", "rt_events.who", "rt_versions.created_by")
        for table in ("rt_metrics", "rt_data", "rt_params", "rt_version_params"):
            assert upgraded[table] == today[table], table

    def test_an_interrupted_upgrade_is_finished_by_the_next(self, place: Place) -> None:
        """After some of its statements; the rows are those of one that was not interrupted."""
        self._interrupted(place, every=12)

    @pytest.mark.campaign
    def test_an_upgrade_may_be_interrupted_anywhere(self, place: Place) -> None:
        """After each of its statements."""
        self._interrupted(place, every=1)

    def _interrupted(self, place: Place, every: int) -> None:
        load(place)
        before = contents(place)
        with ending_before(-1) as statements:
            place.open()
        expected, count = contents(place), len(statements)
        assert count > 30
        for number in range(0, count, every):
            load(place)
            with ending_before(number), pytest.raises(KeyboardInterrupt):
                place.open()
            kept = contents(place)
            old = place.execute(f"SELECT version_num FROM {VERSION_TABLE}")
            assert old in ([("0001",)], [("0002",)])  # the latter where a schema change is no part of a transaction
            assert [row[:4] for row in kept["rt_models"]] == [row[:4] for row in before["rt_models"]]
            assert kept["rt_versions"] == before["rt_versions"]
            assert place.open(create=False).schema_version() == HEAD
            assert contents(place) == expected, statements[number]
        with place.engine().connect() as connection:
            assert differences(connection) == []

    def test_the_way_back_keeps_what_there_was(self, place: Place) -> None:
        """Down to the first schema its tables are as they were, with every version; and up again nothing is missing."""
        load(place)
        with place.engine().connect() as connection:
            first = structure(connection)
        before = contents(place)
        registry = place.open()
        expected = contents(place)
        assert moved(place, "0001") == first
        assert contents(place) == before
        place.open()
        assert contents(place) == expected
        registry.tag("digits@1.0.0", "a", "b")
        registry.deprecate("digits@1.0.0", "old")
        place.execute("UPDATE rt_versions SET status = 'expired' WHERE number = 2")
        place.execute("UPDATE rt_versions SET status = 'collected' WHERE number = 3")
        moved(place, "0001")
        assert place.execute("SELECT status FROM rt_versions ORDER BY number") == [
            ("deprecated",),
            ("archived",),
            ("archived",),
        ]

    def test_an_interrupted_way_back_is_finished(self, place: Place) -> None:
        """Where half of it is done for good, the next attempt does the other half."""
        load(place)
        with place.engine().connect() as connection:
            first = structure(connection)
        for number in (0, 3, 9, 16):
            place.open()
            with ending_before(number), pytest.raises(KeyboardInterrupt):
                moved(place, "0001")
            assert moved(place, "0001") == first
        assert place.count("rt_versions") == 3

    def test_several_that_open_at_once_agree(self, place: Place) -> None:
        """One brings the schema up to date, the others wait for it, and all go on."""
        load(place)

        def work(number: int) -> str:
            try:
                registry = place.open()
                return registry.register(Registration("digits", (), version=f"3.0.{number}")).version
            except RegistryError as error:
                return str(error)

        with ThreadPoolExecutor(6) as pool:
            made = sorted(pool.map(work, range(6)))
        assert made == [f"3.0.{number}" for number in range(6)]
        assert place.count("rt_registry") == 1
        assert place.open()._database.read(broken_chains) == []

    def test_every_table_is_reckoned_with(self, place: Place) -> None:
        """A table that a later schema adds is filled from the older one, or said to begin empty."""
        old = {"rt_models", "rt_runs", "rt_versions", "rt_blobs", "rt_artifacts", "rt_lineage", "rt_aliases"}
        assert set(METADATA.tables) == old | set(FILLED) | set(EMPTY)
        assert all(name.startswith(PREFIX) for name in METADATA.tables)
