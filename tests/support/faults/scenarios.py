"""What the campaigns strike at: a table, one entry for each thing that a user does.

A scenario begins from a folder that `before` makes, and takes its steps one by one. After a fault the registry is in
the state before the interrupted step or in the one after it, unless the step is made of several transactions.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from regtrain_registry import (
    ArtifactKind,
    FileToStore,
    ParentLink,
    Recipe,
    Registration,
    Registry,
    Relation,
    RunStart,
    VersionInfo,
)

STORED = Path(__file__).parents[2] / "registry" / "stored"
MODEL = "digits"


@dataclass(frozen=True, slots=True)
class World:
    """A folder with the files of a run, a registry and its store."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "home" / "registry.db"

    @property
    def made(self) -> Path:
        """Where steps put files that are whole or not there."""
        return self.folder / "made"

    @property
    def temporary(self) -> Path:
        """Where programs put what they need for a while."""
        return self.folder / "tmp"

    @property
    def blobs(self) -> Path:
        """Where the store keeps whole files."""
        return self.folder / "home" / "blobs" / "sha256"

    def open(self, **options: Any) -> Registry:
        """A registry as a new process would open it."""
        return Registry(f"sqlite:///{self.database}", **options)

    def file(self, number: int) -> Path:
        """A file that the run wrote, with a content of its own."""
        return self.folder / "run" / f"weights-{number}"

    def write_files(self) -> None:
        """The files of the run, among them one of several write calls."""
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "run" / "config.yaml").write_text("seed: 1\n")
        self.made.mkdir()
        self.temporary.mkdir()
        for number in range(8):
            self.file(number).write_bytes(f"weights {number} ".encode() * 100)
        self.file(9).write_bytes(bytes(range(256)) * (3 << 12))
        backbone = np.arange(200_000, dtype=np.float32)
        for number in (10, 11):
            save_file({"backbone": backbone, "head": backbone[:100_000] * number}, self.file(number))

    def register(self, number: int, **given: Any) -> VersionInfo:
        """Register the weights of this number."""
        return self.open().register(self.request(number, **given))

    def request(self, number: int, *, link: bool = False, **given: Any) -> Registration:
        """The weights of this number beside a file that all versions share."""
        files = (
            FileToStore(self.file(number), "model.bin", ArtifactKind.WEIGHTS, link=link),
            FileToStore(self.folder / "run" / "config.yaml", "config.yaml", ArtifactKind.CONFIG),
        )
        recipe = Recipe(config={"optimizer": {"lr": number / 10}})
        metrics = {"val/accuracy": number / 10}
        fields = {"idempotency_key": f"register-{number}"} | given
        return Registration(MODEL, files, recipe, metrics=metrics, **fields)


Step = Callable[[World], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`repeatable`: each step may be taken twice and comes to the same. `whole_steps`: each is one transaction."""

    name: str
    before: Callable[[World], None]
    steps: tuple[Step, ...]
    repeatable: bool = True
    whole_steps: bool = True


def nothing(world: World) -> None:
    """Only the files of the run."""
    world.write_files()


def empty(world: World) -> None:
    """A registry without a model."""
    world.write_files()
    world.open()


def three_versions(world: World) -> None:
    """Three versions, the alias `champion` on the first."""
    empty(world)
    for number in (1, 2, 3):
        world.register(number)
    world.open().set_alias(f"{MODEL}/1", "champion")


def schema_0001(world: World) -> None:
    """The stored registry of the first schema, with the file that its versions have."""
    world.write_files()
    world.blobs.mkdir(parents=True)
    content = b"weights"
    (world.blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
    connection = sqlite3.connect(world.database)
    connection.executescript((STORED / "schema_0001.sqlite.sql").read_text(encoding="utf-8"))
    connection.close()


def with_parent(world: World) -> VersionInfo:
    """A version that came from another one."""
    return world.register(4, parents=(ParentLink(f"{MODEL}/1", Relation.FINE_TUNED_FROM),))


def start_run(world: World) -> None:
    """A run that begins; begun already, it is left as it is."""
    registry = world.open()
    if "run-1" not in {run.run_id for run in registry.runs()}:
        registry.start_run(RunStart("run-1", "digits", "/runs/1", {"seed": 1}))


def finish_run(world: World) -> None:
    """A run that ends."""
    world.open().finish_run("run-1", "finished", metrics={"val/loss": 0.5}, steps=10, epochs=1, seconds=1.5)


def with_policy(world: World) -> None:
    """Six versions of which a policy keeps the newest and what an alias or a pin holds."""
    three_versions(world)
    for number in (4, 5, 6):
        world.register(number)
    registry = world.open()
    registry.pin(f"{MODEL}/2")
    registry.set_policy(MODEL, {"keep_newest": 1})


def with_expired(world: World) -> None:
    """Versions that have expired, their files still there."""
    with_policy(world)
    world.open().prune(MODEL)


def check_out(world: World) -> None:
    """Unpack a version; done in part before, begun anew."""
    target = world.folder / "checked-out"
    if target.exists():
        shutil.rmtree(target)
    world.open().checkout(f"{MODEL}/1", target)


def with_backbone(world: World) -> None:
    """A version with large tensors."""
    empty(world)
    world.register(10)


def with_archive(world: World) -> None:
    """Another registry's versions in an archive, and a registry with one version of its own."""
    three_versions(world)
    world.open().export_archive(None, world.folder / "archive")
    shutil.rmtree(world.database.parent)
    world.register(5)


def export(world: World) -> None:
    """Write an archive; one that is there was written before."""
    if not (world.made / "archive").exists():
        world.open().export_archive(None, world.made / "archive")


def back_up(world: World) -> None:
    """Write a backup; one that is there was written before."""
    if not (world.made / "backup.db").exists():
        world.open().backup(world.made / "backup.db")


SCENARIOS = (
    Scenario("open a new registry", nothing, (World.open,)),
    Scenario("upgrade from schema 0001", schema_0001, (World.open,)),
    Scenario("register the first version", empty, (lambda w: w.register(1),)),
    Scenario("register without a registry", nothing, (lambda w: w.register(1),), whole_steps=False),
    Scenario("register another version", three_versions, (with_parent, lambda w: w.register(9))),
    Scenario("register linked files", three_versions, (lambda w: w.register(4, link=True),)),
    Scenario("register shared tensors", with_backbone, (lambda w: w.register(11),)),
    Scenario("register what is stored", three_versions, (lambda w: w.register(1, idempotency_key="again"),)),
    Scenario(
        "set and move an alias",
        three_versions,
        (
            lambda w: w.open().set_alias(f"{MODEL}/2", "candidate"),
            lambda w: w.open().set_alias(f"{MODEL}/3", "champion"),
        ),
    ),
    Scenario("record a run", empty, (start_run, finish_run, lambda w: w.register(1, run_id="run-1"))),
    Scenario("check out", three_versions, (check_out,)),
    Scenario(
        "mark a version",
        three_versions,
        (
            lambda w: w.open().tag(f"{MODEL}/2", "team", "vision"),
            lambda w: w.open().describe(f"{MODEL}/2", "the first that works"),
            lambda w: w.open().pin(f"{MODEL}/2"),
            lambda w: w.open().untag(f"{MODEL}/2", "team"),
            lambda w: w.open().remove_alias(MODEL, "champion"),
        ),
        repeatable=False,
    ),
    Scenario(
        "deprecate, archive, restore",
        three_versions,
        (
            lambda w: w.open().deprecate(f"{MODEL}/1", "too large", f"{MODEL}/3"),
            lambda w: w.open().archive(f"{MODEL}/2"),
            lambda w: w.open().restore(f"{MODEL}/2"),
        ),
        repeatable=False,
    ),
    Scenario(
        "promote",
        three_versions,
        (
            lambda w: w.open().promote(f"{MODEL}/1", "production"),
            lambda w: w.open().promote(f"{MODEL}/3", "production"),
        ),
        repeatable=False,
    ),
    Scenario("prune", with_policy, (lambda w: w.open().prune(MODEL),)),
    Scenario(
        "delete and restore",
        with_policy,
        (lambda w: w.open().delete(f"{MODEL}/3"), lambda w: w.open().restore(f"{MODEL}/3")),
        repeatable=False,
    ),
    Scenario("collect", with_expired, (lambda w: w.open().gc(timedelta(0), confirmed=True),), whole_steps=False),
    Scenario("export and back up", three_versions, (export, back_up)),
    Scenario("import", with_archive, (lambda w: w.open().import_archive(w.folder / "archive"),), whole_steps=False),
)


def ref(number: int) -> str:
    """The version with this number."""
    return f"{MODEL}/{number}"


# Single steps, for any order of them.
ACTIONS: dict[str, Callable[..., object]] = {
    "register": lambda world, registry, which: registry.register(world.request(which, idempotency_key=None)),
    "set_alias": lambda world, registry, number, alias: registry.set_alias(ref(number), alias),
    "tag": lambda world, registry, number, name, value: registry.tag(ref(number), name, value),
    "pin": lambda world, registry, number, pinned: registry.pin(ref(number), pinned),
    "deprecate": lambda world, registry, number: registry.deprecate(ref(number), "too large"),
    "archive": lambda world, registry, number: registry.archive(ref(number)),
    "restore": lambda world, registry, number: registry.restore(ref(number)),
}
