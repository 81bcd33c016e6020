"""What holds besides for a registry on a server, where writers of different models work side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, event

from registry.conformance import RegistryConformance
from regtrain_registry import FileToStore, Registration, Registry
from regtrain_registry.errors import RegistryReadOnlyError, RegistryUnavailableError
from support.registry.places import Place

SPELLINGS = {
    "postgresql": ("postgresql", "postgres", "postgresql+psycopg"),
    "mysql": ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"),
}
FAILURE = {  # sent by the server, as it sends them when transactions collide
    "postgresql": "DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '{}'; END $$",
    "mysql": "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {}",
}
COLLISIONS = {"postgresql": ("40001", "40P01", "55P03"), "mysql": (1213, 1205, 1020)}
READER = {
    "postgresql": ("CREATE ROLE {0} LOGIN PASSWORD 'looking'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {0}"),
    "mysql": ("CREATE USER {0}@localhost IDENTIFIED BY 'looking'", "GRANT SELECT ON {1}.* TO {0}@localhost"),
}

LOCKING = "SELECT rt_models.next_number, rt_models.id"  # how registering begins


def just_before(registry: Registry, statement: str, work: Callable[[], Any]) -> list[str]:
    """Let another writer do its work when this one is about to send such a statement, once; all that are sent."""
    sent: list[str] = []

    def look(*args: Any) -> None:
        sent.append(args[2])
        if len([text for text in sent if text.startswith(statement)]) == 1 and args[2].startswith(statement):
            work()

    event.listen(registry._database._engine, "before_cursor_execute", look)
    return sent


class ServerConformance(RegistryConformance):
    """Row locks, users and the network."""

    def test_every_spelling_of_the_url_is_understood(self, place: Place) -> None:
        """With the driver or without; the password is never shown."""
        names = SPELLINGS[place.url.get_backend_name()]
        uris = [place.url.set(drivername=name).render_as_string(hide_password=False) for name in names]
        opened = [Registry(uri, place.folder / "blobs") for uri in uris]
        assert len({registry.uri for registry in opened}) == 1
        assert "s3cr" not in repr(opened)

    @pytest.mark.parametrize("change", [{"password": "wr0ng:t/"}, {"database": "nowhere"}, {"username": "nobody"}])
    def test_what_cannot_be_opened_is_said_without_the_password(self, place: Place, change: dict[str, str]) -> None:
        """Exit code 5, in one line, with the server's reason."""
        with pytest.raises(RegistryUnavailableError) as caught:
            Registry(place.url.set(**change).render_as_string(hide_password=False), place.folder)  # type: ignore[arg-type]
        assert caught.value.exit_code == 5
        assert "\n" not in caught.value.message
        assert [secret for secret in ("s3cr", "wr0ng") if secret in str(caught.value)] == []
        assert (change.get("database") or change.get("username") or place.url.username or "?") in caught.value.message

    def test_a_server_that_is_not_there_is_named(self, place: Place) -> None:
        """Exit code 5, and the password hidden wherever in the URL it stands."""
        elsewhere = place.url.set(host="127.0.0.1", port=1, query={})
        for url in (elsewhere, elsewhere.set(password=None).update_query_dict({"password": "s3cret"})):
            with pytest.raises(RegistryUnavailableError) as caught:
                Registry(url.render_as_string(hide_password=False), place.folder)
            assert "127.0.0.1:1" in caught.value.message
            assert "s3cr" not in str(caught.value)

    def test_who_may_only_read_can_read(self, place: Place) -> None:
        """Lists work, registering is refused with exit code 5."""
        place.register()
        name = f"u{place.url.database}"
        kind = place.url.get_backend_name()
        place.execute(*(statement.format(name, place.url.database) for statement in READER[kind]))
        reader = Place(place.url.set(username=name, password="looking"), place.folder).open()
        assert [model.name for model in reader.models()] == ["digits"]
        with pytest.raises(RegistryReadOnlyError) as caught:
            reader.register(Registration("digits", ()))
        assert caught.value.exit_code == 5
        assert "looking" not in str(caught.value)
        place.execute(f"DROP OWNED BY {name}" if kind == "postgresql" else f"DROP USER {name}@localhost")

    def test_a_collision_is_tried_again_on_a_new_connection(self, place: Place, registry: Registry) -> None:
        """Serialization failures, deadlocks and lock timeouts of the server."""
        kind = place.url.get_backend_name()
        for code in COLLISIONS[kind]:
            seen: list[Any] = []

            def work(connection: Connection, code: Any = code, seen: list[Any] = seen) -> int:
                seen.append(connection.connection.dbapi_connection)
                if len(seen) < 3:
                    connection.exec_driver_sql(FAILURE[kind].format(code))
                return len(seen)

            assert registry._database.write(work) == 3
            assert len({id(connection) for connection in seen}) == 3

    def test_any_other_failure_is_not_tried_again(self, place: Place, registry: Registry) -> None:
        """A wrong statement stays wrong."""
        tries: list[int] = []

        def work(connection: Connection) -> None:
            tries.append(1)
            connection.exec_driver_sql("SELECT nothing FROM nowhere")

        with pytest.raises(RegistryUnavailableError, match="nowhere"):
            registry._database.write(work)
        assert len(tries) == 1

    def test_a_deadlock_is_survived(self, place: Place, registry: Registry) -> None:
        """Two writers that take two models in opposite order: both commit."""
        for model in ("one", "two"):
            place.register(model)
        barrier = Barrier(2)

        def write(first: str, second: str) -> int:
            tries: list[int] = []

            def work(connection: Connection) -> int:
                tries.append(1)
                for model in (first, second):
                    statement = f"UPDATE rt_models SET next_number = next_number + 1 WHERE name = '{model}'"
                    connection.exec_driver_sql(statement)
                    if len(tries) == 1 and model == first:
                        barrier.wait(20)
                return len(tries)

            return registry._database.write(work)

        with ThreadPoolExecutor(2) as pool:
            tries = [pool.submit(write, *order) for order in (("one", "two"), ("two", "one"))]
        assert sorted(done.result() for done in tries) == [1, 2]
        assert place.execute("SELECT next_number FROM rt_models") == [(4,), (4,)]

    def test_two_first_versions_at_once_are_one_and_two(self, place: Place, registry: Registry) -> None:
        """The model's row was made by the other one meanwhile: the second try finds it."""
        just_before(registry, "INSERT INTO rt_models", place.register)
        assert registry.register(Registration("digits", ())).number == 2
        assert [version.version for version in registry.versions("digits")] == ["1.0.1", "1.0.0"]

    def test_one_registration_sent_twice_at_once_is_one_version(self, place: Place, registry: Registry) -> None:
        """The key was not there when it was looked for, and was when the row was inserted."""
        other: list[Any] = []
        just_before(registry, LOCKING, lambda: other.append(place.register(idempotency_key="k")))
        made = registry.register(Registration("digits", (place.weights(),), idempotency_key="k"))
        assert (made.number, made.created_at) == (1, other[0].created_at)
        assert place.count("rt_versions") == 1

    def test_one_file_registered_twice_at_once_is_one_blob(self, place: Place, registry: Registry) -> None:
        """Two models with the same new file: neither registration fails."""
        just_before(registry, "INSERT INTO rt_blobs", lambda: place.register("other"))
        file: FileToStore = place.weights()
        assert registry.register(Registration("digits", (file,))).artifacts[0].size_bytes == 7
        assert place.count("rt_blobs") == 1

    def test_a_writer_sees_what_was_committed_while_it_waited(self, place: Place, registry: Registry) -> None:
        """Behind the lock the newest version is the newest: no second try is needed."""
        place.register()
        sent = just_before(registry, LOCKING, place.register)
        made = registry.register(Registration("digits", (), idempotency_key="k"))
        assert (made.version, made.number) == ("1.0.2", 3)
        assert len([text for text in sent if text.startswith(LOCKING)]) == 1

    def test_a_reader_sees_one_state(self, place: Place, registry: Registry) -> None:
        """What is committed between two of its queries is not in the second."""
        place.register()

        def work(connection: Connection) -> list[Any]:
            query = "SELECT count(*) FROM rt_versions"
            before = connection.exec_driver_sql(query).scalar()
            place.register()
            return [before, connection.exec_driver_sql(query).scalar()]

        assert registry._database.read(work) == [1, 1]
        assert len(registry.versions("digits")) == 2
