"""The one connection to a SQLite file that is kept between transactions: when it is used again, and when it is not."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import Registration, Registry
from regtrain_registry.errors import NoRegistryError, RegistryUnavailableError
from support.registry.blank import make_registry

FORKING = """
import os, sys, threading
from regtrain_registry import Registration, Registry

registry = Registry(sys.argv[1], sys.argv[2])
registry.register(Registration("digits", ()))


def used(connection):
    return id(connection.connection.dbapi_connection)


def in_child():
    pid = os.fork()
    if pid == 0:
        pool = registry._database._engine.pool
        kept = pool.checkedin()
        registry.register(Registration("digits", ()))
        sys.exit(10 + kept)  # as any process ends: what it does not know of stays whole
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


begun, forked = threading.Event(), threading.Event()


def slow(connection):
    connection.exec_driver_sql("UPDATE rt_models SET policy = '{}'")
    begun.set()
    forked.wait()


def in_child_of_a_writer():
    writer = threading.Thread(target=lambda: registry._database.write(slow))
    writer.start()
    begun.wait()
    pid = os.fork()
    if pid == 0:
        os._exit(len(registry.versions("digits")))
    versions = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    forked.set()
    writer.join()
    return versions


before = registry._database.read(used)
print(in_child(), in_child_of_a_writer(), registry._database.read(used) == before)
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return make_registry(tmp_path / "registry.db")


def driver(registry: Registry) -> Any:
    """The driver's connection that a transaction is given."""
    return registry._database.read(lambda connection: connection.connection.dbapi_connection)


def test_it_serves_readers_and_writers(registry: Registry) -> None:
    """One after the other."""
    first = driver(registry)
    registry.register(Registration("digits", ()))
    assert driver(registry) is first


def test_threads_do_not_share_it(registry: Registry) -> None:
    """Who comes while it is in use gets one of their own, which is closed afterwards."""
    registry.register(Registration("digits", ()))
    found: list[Any] = []

    def work(connection: Any) -> None:
        thread = threading.Thread(target=lambda: found.append(driver(registry)))
        thread.start()
        thread.join()
        found.append(connection.connection.dbapi_connection)

    registry._database.read(work)
    assert found[0] is not found[1]
    kept, left = found if driver(registry) is found[0] else reversed(found)
    assert driver(registry) is kept
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        left.execute("SELECT 1")


def test_after_an_error_of_the_database_it_is_not_used_again(registry: Registry) -> None:
    """Whatever state it is in; an error of ours says nothing of it."""
    first = driver(registry)
    with pytest.raises(RegistryUnavailableError, match="no such table"):
        registry._database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM absent"))
    second = driver(registry)
    assert second is not first
    with pytest.raises(ZeroDivisionError):
        registry._database.write(lambda connection: 1 / 0)
    assert driver(registry) is second
    registry.register(Registration("digits", ()))


def test_a_file_that_took_its_place_is_read(registry: Registry, tmp_path: Path) -> None:
    """A backup that is moved over the file; and no row goes to the file that is gone."""
    backup = registry.backup(tmp_path / "backup.db")
    registry.register(Registration("digits", ()))
    backup.replace(tmp_path / "registry.db")
    assert registry.models() == []
    registry.register(Registration("letters", ()))
    assert [model.name for model in Registry(f"sqlite:///{tmp_path}/registry.db").models()] == ["letters"]


def test_a_file_that_is_gone_is_not_made_anew_by_reading(registry: Registry, tmp_path: Path) -> None:
    """There is no registry any more; who opens one again makes it."""
    registry.register(Registration("digits", ()))
    (tmp_path / "registry.db").unlink()
    for call in (registry.models, lambda: registry.register(Registration("digits", ()))):
        with pytest.raises(NoRegistryError, match="no registry at"):
            call()
    assert not (tmp_path / "registry.db").exists()
    assert Registry(f"sqlite:///{tmp_path}/registry.db").models() == []


def test_a_file_that_is_swapped_while_it_is_opened_is_seen(registry: Registry, tmp_path: Path) -> None:
    """What counts is which file was there before it was opened."""
    backup = registry.backup(tmp_path / "backup.db")
    registry.register(Registration("digits", ()))
    registry._database._engine.dispose()
    connect = sqlite3.connect

    def swap_and_connect(*arguments: Any, **options: Any) -> Any:
        connection = connect(*arguments, **options)
        connection.execute("SELECT * FROM rt_models").fetchall()
        if backup.exists():
            backup.replace(tmp_path / "registry.db")
        return connection

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", swap_and_connect)
        assert registry.models() == []


def test_it_goes_with_the_registry(tmp_path: Path) -> None:
    """Nothing is left open of a registry that nobody has any more."""
    registry = make_registry(tmp_path / "registry.db")
    kept = driver(registry)
    del registry
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        kept.execute("SELECT 1")


def test_a_child_opens_its_own(tmp_path: Path) -> None:
    """Also one that is forked while another thread writes; the parent goes on with the one that it has."""
    places = (f"sqlite:///{tmp_path}/registry.db", str(tmp_path / "blobs"))
    made = subprocess.run(
        [sys.executable, "-c", FORKING, *places], capture_output=True, text=True, env={**os.environ}, check=False
    )
    assert (made.returncode, made.stdout) == (0, "10 2 True\n"), made.stderr
