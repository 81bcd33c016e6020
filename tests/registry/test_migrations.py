"""The schema in SQLite: numbered in order, robust against interruption, and alone in its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event

from regtrain_registry import Registration, Registry
from regtrain_registry.db.migrations import HEAD, VERSION_TABLE, alembic_config, upgrade
from regtrain_registry.db.tables.all import METADATA, PREFIX
from support.registry.schemas import structure


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_newest_revision_is_the_one_that_is_compared_with(connection: Connection) -> None:
    """HEAD, which is read without alembic, is alembic's head; revisions are numbered in order."""
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    assert scripts.get_current_head() == HEAD
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(len(revision) == 4 for revision in revisions)


def test_every_table_is_prefixed() -> None:
    """Another package's tables in the same database cannot be ours by accident."""
    assert [name for name in METADATA.tables if not name.startswith(PREFIX)] == []
    assert VERSION_TABLE.startswith(PREFIX)


def schema_statements(folder: Path) -> list[tuple[str, Any]]:
    """The statements that make the schema and what they are given, in their order."""
    statements: list[tuple[str, Any]] = []
    engine = create_engine(f"sqlite:///{folder / 'traced.db'}")
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
    with engine.connect() as connection:
        upgrade(connection)
    engine.dispose()
    return [one for one in statements if one[0].strip().startswith(("CREATE", "INSERT", "ALTER", "UPDATE"))]


@pytest.mark.slow
def test_an_interrupted_first_migration_is_completed(tmp_path: Path) -> None:
    """After any of its statements, as where schema changes are not transactional, opening finishes the rest."""
    statements = schema_statements(tmp_path)
    assert len(statements) > 15
    for done in range(len(statements)):
        file = tmp_path / f"{done}.db"
        connection = sqlite3.connect(file)
        for statement, parameters in statements[:done]:
            connection.execute(statement, parameters)
        connection.commit()
        connection.close()
        registry = Registry(f"sqlite:///{file}")
        assert registry.schema_version() == HEAD
        assert registry.register(Registration("digits", ())).number == 1


def test_a_failed_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite the first schema is there as a whole or not at all."""
    from alembic.operations import Operations

    file, created = tmp_path / "registry.db", Operations.create_table

    def fail(self: Operations, name: str, *parts: Any, **options: Any) -> Any:
        if name == "rt_lineage":
            raise RuntimeError("interrupted")
        return created(self, name, *parts, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_table", fail)
        with pytest.raises(RuntimeError, match="interrupted"):
            Registry(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    assert Registry(f"sqlite:///{file}").models() == []


def test_other_packages_tables_stay_untouched(tmp_path: Path) -> None:
    """A database with another package's tables and its alembic_version becomes a registry as well."""
    file = tmp_path / "shared.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.execute("INSERT INTO alembic_version VALUES ('theirs')")
    connection.execute("CREATE TABLE model_versions (name TEXT)")
    connection.commit()
    before = connection.execute("SELECT * FROM sqlite_master").fetchall()
    registry = Registry(f"sqlite:///{file}")
    registry.register(Registration("digits", ()))
    registry.upgrade()
    assert [row for row in connection.execute("SELECT * FROM sqlite_master") if row in before] == before
    assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("theirs",)]
    connection.close()


def test_the_only_way_back_removes_our_tables_alone(connection: Connection) -> None:
    """A downgrade to nothing leaves no table of ours but alembic's own."""
    from alembic import command

    upgrade(connection)
    command.downgrade(alembic_config(connection), "base")
    assert structure(connection) == {}
