"""Processes that register on one model at once, and a server that is killed under them: nothing lost, nothing twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.faults.campaign import SEED
from support.faults.scenarios import MODEL
from support.programs import program
from support.registry import servers
from support.registry.places import Place, database_on
from support.registry.servers import place_on

DATABASES = ("sqlite", "postgresql", "mysql")


def raced(
    place: Place, processes: int, count: int, *options: str, watch: Callable[[int], None] = lambda acknowledged: None
) -> tuple[dict[str, int], str]:
    """The numbers that were acknowledged, by key, and what the processes complained of. watch: told of each."""
    script = str(program("faults/race.py"))
    command = [sys.executable, script, place.uri, str(place.folder), str(processes), str(count), *options]
    errors = place.folder / "errors"
    numbers: dict[str, int] = {}
    with errors.open("w") as complaints, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=complaints, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            key, number = line.split()
            numbers[key] = int(number)
            watch(len(numbers))
    return numbers, errors.read_text()


def wrong(place: Place, numbers: dict[str, int], complaints: str, expected: int) -> list[str]:
    """What is not as it should be after so many registrations."""
    found = complaints.splitlines()
    if not numbers:
        return [*found, "nothing was acknowledged"]
    rows = place.execute("SELECT idempotency_key, number FROM rt_versions ORDER BY number")
    if len(numbers) != expected:
        found.append(f"{len(numbers)} of {expected} were acknowledged")
    if [number for _, number in rows] != list(range(1, expected + 1)):
        found.append(f"rows with the numbers {[number for _, number in rows]}")
    if set(numbers.items()) != set(rows):
        found.append(f"acknowledged and stored differ: {set(numbers.items()) ^ set(rows)}")
    registry = place.open()
    if not found:
        newest = registry.versions(MODEL)[0]
        if registry.open_artifact(newest.ref, "model.bin").read_text() not in numbers:
            found.append(f"{newest.ref} has another file")
    return found


def check_race(kind: str, folder: Path, processes: int, count: int) -> None:
    with place_on(kind, folder) as place:
        numbers, complaints = raced(place, processes, count)
        assert wrong(place, numbers, complaints, processes * count) == []


def check_killed(folder: Path, processes: int, count: int, kills: int, *options: str) -> list[str]:
    """Kill the server at so many moments, spread over the registrations by the seed."""
    expected = processes * count
    moments = sorted(random.Random(SEED).sample(range(1, expected - processes), kills))
    with servers.postgresql_server() as server, database_on(server.url, folder) as place:
        place.open()

        def watch(acknowledged: int) -> None:
            if moments and acknowledged >= moments[0]:
                moments.pop(0)
                server.kill()
                server.start()

        numbers, complaints = raced(place, processes, count, "--persistent", *options, watch=watch)
        assert moments == []
        return wrong(place, numbers, complaints, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DATABASES)
def test_eight_processes(kind: str, tmp_path: Path) -> None:
    """They create the registry together; what is acknowledged is distinct, stored, and numbered without gap."""
    check_race(kind, tmp_path, 8, 8)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", DATABASES)
def test_thirty_two_processes(kind: str, tmp_path: Path) -> None:
    """A thousand versions of one model."""
    check_race(kind, tmp_path, 32, 32)


@pytest.mark.slow
def test_a_server_that_is_killed_twice(tmp_path: Path) -> None:
    """PostgreSQL dies and comes back under load, answers of commits are lost: the key settles each registration."""
    assert check_killed(tmp_path, 6, 10, 2) == []


@pytest.mark.campaign
def test_a_server_that_is_killed_ten_times(tmp_path: Path) -> None:
    """The same under more load."""
    assert check_killed(tmp_path, 12, 50, 10) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "kind"), [("highest_and_one", "sqlite"), ("retry_in_the_same_transaction", "postgresql")]
)
def test_a_race_finds(mutant: str, kind: str, tmp_path: Path) -> None:
    """A number that is read without a lock; a try on the connection that failed."""
    with place_on(kind, tmp_path) as place:
        numbers, complaints = raced(place, 8, 8, "--mutant", mutant)
        assert numbers  # the bug is one of races: some get through
        assert wrong(place, numbers, complaints, 64) != []


@pytest.mark.slow
def test_a_lost_answer_finds(tmp_path: Path) -> None:
    """A registration that is not known again when it is sent again; without that bug all is well."""
    assert check_killed(tmp_path, 2, 10, 0) == []
    assert check_killed(tmp_path, 2, 10, 0, "--mutant", "key_forgotten") != []
