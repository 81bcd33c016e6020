"""What holds for the schema in any database: how it comes to be, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from sqlalchemy import Engine, event, inspect

from regtrain_registry import Registration, Registry, RunStatus
from regtrain_registry.db.migrations import HEAD
from regtrain_registry.db.tables.all import METADATA
from regtrain_registry.errors import ModelNotFoundError, NoRegistryError, SchemaTooNewError
from regtrain_registry.ops.event_log import broken_chains
from support.registry.places import Place
from support.registry.schemas import differences, structure, structure_of_tables

STORED = Path(__file__).parent / "stored"


@contextmanager
def ending_after(left: list[int]) -> Iterator[None]:
    """A process that dies before the statement after so many that create something."""

    def note(*args: Any) -> None:
        if args[2].strip().startswith(("CREATE", "INSERT")):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class SchemaConformance:
    """One schema, whatever keeps it."""

    @pytest.fixture
    def registry(self, place: Place) -> Registry:
        return place.open()

    def test_an_empty_database_becomes_a_registry(self, place: Place) -> None:
        """For whoever only looks it stays empty; opened once, its schema is the newest, and opening goes on working."""
        if place.url.get_backend_name() != "sqlite":
            with pytest.raises(NoRegistryError):
                place.open(create=False)
        registry = place.open()
        registry.upgrade()
        assert registry.schema_version() == HEAD == place.open(create=False).schema_version()
        assert (registry.models(), registry.runs()) == ([], [])
        with pytest.raises(ModelNotFoundError, match="digits"):
            registry.versions("digits")

    def test_migrations_and_tables_say_the_same(self, place: Place, registry: Registry) -> None:
        """alembic finds nothing to change, and every name and order is equal too."""
        with place.engine().connect() as connection:
            assert differences(connection) == []
            migrated = structure(connection)
            assert migrated == structure_of_tables(connection)
        assert len(migrated) == 22

    def test_a_newer_schema_is_refused(self, place: Place, registry: Registry) -> None:
        """Exit code 5 with both numbers."""
        place.execute("UPDATE rt_alembic_version SET version_num = '0999'")
        with pytest.raises(SchemaTooNewError, match="0999"):
            place.open()

    def test_an_interrupted_migration_is_run_again(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        """Half a schema, which MySQL keeps, is no registry yet; the next one who opens it finishes it."""
        created = Operations.create_table

        def fail(self: Operations, name: str, *parts: Any, **options: Any) -> Any:
            if name == "rt_lineage":
                raise KeyboardInterrupt
            return created(self, name, *parts, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Operations, "create_table", fail)
            with pytest.raises(KeyboardInterrupt):
                place.open()
        with pytest.raises(NoRegistryError):
            place.open(create=False)
        assert place.register().number == 1
        with place.engine().connect() as connection:
            assert differences(connection) == []

    @pytest.mark.campaign
    def test_a_migration_may_be_interrupted_anywhere(self, place: Place) -> None:
        """Again and again, each time one statement further: at the end the schema is whole."""
        keeps_half = place.url.get_backend_name() == "mysql"
        for interruptions in count():
            left = [1 if keeps_half and interruptions else interruptions]
            try:
                with ending_after(left):
                    place.open()
                break
            except KeyboardInterrupt:
                # Where schema changes are no part of a transaction, the first schema may stand already.
                if not (keeps_half and self._is_numbered(place)):
                    with pytest.raises(NoRegistryError):
                        place.open(create=False)
        assert interruptions > 15
        with place.engine().connect() as connection:
            assert differences(connection) == []
            assert structure(connection) == structure_of_tables(connection)

    def _is_numbered(self, place: Place) -> bool:
        with place.engine().connect() as connection:
            there = inspect(connection).has_table("rt_alembic_version")
        return there and place.count("rt_alembic_version") > 0

    def test_a_stored_registry_of_schema_0001_is_read(self, place: Place) -> None:
        """What a release wrote with the first schema is read by this one, and goes on."""
        place.load((STORED / f"schema_0001.{place.url.get_backend_name()}.sql").read_text(encoding="utf-8"))
        registry = place.open()
        assert registry.schema_version() == HEAD
        shown = registry.show("digits@champion")
        assert (shown.version, shown.number, shown.bump.reasons) == ("1.1.0", 2, ["optimizer.lr: 0.1 → 0.01"])
        assert [str(version.version) for version in registry.versions("digits")] == ["2.0.0-rc.1", "1.1.0", "1.0.0"]
        assert shown.to_json()["created_at"] == "2026-11-20T08:00:02.000000Z"
        assert [parent.ref for parent in shown.parents] == ["digits@1.0.0"]
        assert registry.run("run-1").status is RunStatus.FINISHED
        assert place.register(files=(place.weights(b"new"),)).number == 4
        with place.engine().connect() as connection:
            assert differences(connection) == []

    def test_a_stored_registry_of_schema_0002_is_read(self, place: Place) -> None:
        """What this schema has a place for, every table of it, comes back as it was said, and goes on."""
        place.load((STORED / f"schema_0002.{place.url.get_backend_name()}.sql").read_text(encoding="utf-8"))
        tables = set(METADATA.tables) - {"rt_former_names"}  # newer than this schema
        assert [table for table in tables if place.count(table) == 0] == []
        registry = place.open(who="bea")
        held = registry.show("large@production")
        assert (held.ref, held.stages, held.parents) == ("large@1.2.0", ["production"], [])
        assert [(export.format, export.passed, export.report) for export in held.exports] == [
            ("onnx", True, {"opset": 18})
        ]
        slow, old = registry.show("large@1.1.0"), registry.show("digits@2.0.0-rc.1")
        assert (slow.status.value, slow.marks.reason, slow.tags, slow.summary) == (
            "archived",
            "too slow",
            {"team": "vision"},
            "Größer",
        )
        assert (old.status.value, old.marks.reason, old.marks.successor) == ("deprecated", "overfits", "digits@1.1.0")
        assert registry.show("digits@1.0.0").marks.pinned
        assert registry.policy("large") == {
            "retention": {"keep_newest": 1},
            "stages": {"production": {"require": {"val/loss": "< 1"}}},
        }
        events = registry.history("large")
        assert [event.kind.value for event in events] == [
            *("expired", "archived", "promoted", "described", "tagged", "policy_set", *["registered"] * 3),
        ]
        assert {event.who for event in events} == {"ada"}
        assert registry._database.read(broken_chains) == []
        assert [one.version.ref for one in registry.trained_on("a" * 8).versions] == [
            "large@1.2.0",
            "large@1.1.0",
            "large@1.0.0",
        ]
        assert [found.ref for found in registry.search("metrics.val/loss < 0.35")] == ["large@1.2.0"]
        assert registry.restore("large@1.0.0").status.value == "ready"
        assert registry.history("large")[0].who == "bea"
        with place.engine().connect() as connection:
            assert differences(connection) == []

    def test_other_packages_tables_stay_untouched(self, place: Place) -> None:
        """Another package's tables, alembic's table for them included, keep rows and shape."""
        place.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
            "INSERT INTO alembic_version VALUES ('theirs')",
            "CREATE TABLE model_versions (name VARCHAR(10))",
        )
        registry = place.open()
        registry.register(Registration("digits", ()))
        registry.upgrade()
        assert place.execute("SELECT * FROM alembic_version") == [("theirs",)]
        assert place.count("model_versions") == 0
