"""One behaviour in SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from registry.conformance import RegistryConformance
from registry.migration_conformance import MigrationConformance
from registry.schema_conformance import SchemaConformance
from registry.server_conformance import ServerConformance
from support.registry import servers
from support.registry.places import Place, database_on, make_place, unmade_place


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    with servers.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[URL]:
    with servers.mariadb() as url:
        yield url


def test_a_missing_server_is_a_failure_on_ci_and_a_skip_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    for ci, outcome in (("true", pytest.fail.Exception), ("", pytest.skip.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="apt-get install"):
            servers.program("no-such-server")


class TestSQLite(RegistryConformance):
    """A file; a registry already, except where the test is about how it becomes one."""

    @pytest.fixture
    def place(self, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
        unmade = request.function.__qualname__.startswith((SchemaConformance.__name__, MigrationConformance.__name__))
        return (unmade_place if unmade else make_place)(tmp_path)


@pytest.mark.slow
class TestPostgreSQL(ServerConformance):
    """psycopg 3."""

    @pytest.fixture
    def place(self, postgresql_server: URL, tmp_path: Path) -> Iterator[Place]:
        with database_on(postgresql_server, tmp_path) as place:
            yield place


@pytest.mark.slow
class TestMariaDB(ServerConformance):
    """PyMySQL."""

    @pytest.fixture
    def place(self, mariadb_server: URL, tmp_path: Path) -> Iterator[Place]:
        with database_on(mariadb_server, tmp_path) as place:
            yield place
