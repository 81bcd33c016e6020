"""What comes between the moments at which a registry is opened: another process, or the end of the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from regtrain_registry import Registry
from regtrain_registry.db import migrations
from regtrain_registry.errors import RegistryUnavailableError
from support.registry.servers import place_on

OWN_ID = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


@contextmanager
def before_each(statement: str, work: Callable[[Any], None]) -> Iterator[None]:
    """Do something with the connection before such a statement is sent."""

    def look(*arguments: Any) -> None:
        if statement in arguments[2]:
            work(arguments[0])

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", look)


def test_who_comes_second_opens_what_the_first_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process makes the schema after this one found none, and before it has looked why."""
    uri, inspect = f"sqlite:///{tmp_path}/registry.db", migrations.inspect

    def after_another(connection: Any) -> Any:
        monkeypatch.setattr(migrations, "inspect", inspect)
        Registry(uri)
        return inspect(connection)

    monkeypatch.setattr(migrations, "inspect", after_another)
    assert Registry(uri).models() == []
    assert migrations.inspect is inspect


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_connection_that_ends_is_said_so(kind: str, tmp_path: Path) -> None:
    """Exit code 5 when the server goes while a registry is opened."""
    with place_on(kind, tmp_path) as place:
        place.open()

        def end(connection: Any) -> None:
            own = connection.connection.cursor()
            own.execute(OWN_ID[kind])
            place.execute(END[kind].format(own.fetchone()[0]))

        with before_each(f"FROM {migrations.VERSION_TABLE}", end), pytest.raises(RegistryUnavailableError) as caught:
            place.open()
        assert caught.value.exit_code == 5
