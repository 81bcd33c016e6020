"""One behaviour in SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.conformance import RegistryConformance
from registry.migration_conformance import MigrationConformance
from registry.schema_conformance import SchemaConformance
from registry.server_conformance import ServerConformance
from support.registry import servers
from support.registry.places import EmptyRegistries, Place, database_on, make_place, unmade_place


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[EmptyRegistries]:
    with servers.postgresql() as url:
        yield EmptyRegistries(url)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[EmptyRegistries]:
    with servers.mariadb() as url:
        yield EmptyRegistries(url)


def test_a_missing_server_is_a_failure_on_ci_and_a_skip_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    for ci, outcome in (("true", pytest.fail.Exception), ("", pytest.skip.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="apt-get install"):
            servers.program("no-such-server")


# MariaDB locks a new row together with deleted ones beside it, until these are purged in the background.
NEW = {"test_one_file_registered_twice_at_once_is_one_blob"}


def about_tables(request: pytest.FixtureRequest) -> bool:
    """Whether a test is about how the tables are made."""
    return str(request.function.__qualname__).startswith((SchemaConformance.__name__, MigrationConformance.__name__))


def place_on(
    server: EmptyRegistries, folder: Path, request: pytest.FixtureRequest
) -> contextlib.AbstractContextManager[Place]:
    if about_tables(request):
        return database_on(server.server, folder)
    return server.one(folder, new=request.function.__name__ in NEW)


class TestSQLite(RegistryConformance):
    """A file; a registry already, except where the test is about how it becomes one."""

    @pytest.fixture
    def place(self, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
        return (unmade_place if about_tables(request) else make_place)(tmp_path)


@pytest.mark.slow
class TestPostgreSQL(ServerConformance):
    """psycopg 3."""

    @pytest.fixture
    def place(
        self, postgresql_server: EmptyRegistries, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[Place]:
        with place_on(postgresql_server, tmp_path, request) as place:
            yield place


@pytest.mark.slow
class TestMariaDB(ServerConformance):
    """PyMySQL."""

    @pytest.fixture
    def place(self, mariadb_server: EmptyRegistries, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
        with place_on(mariadb_server, tmp_path, request) as place:
            yield place
