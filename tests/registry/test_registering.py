"""How a version comes to be."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import (
    ArtifactKind,
    Bump,
    FileToStore,
    ParentLink,
    Recipe,
    Registration,
    Registry,
    Relation,
    RunStart,
    Source,
)
from regtrain_registry.errors import (
    BlobMissingError,
    FileToStoreError,
    IdempotencyError,
    ModelNotFoundError,
    NameNotAllowedError,
    RunNotFoundError,
    StoreUnavailableError,
    VersionSyntaxError,
    VersionTakenError,
)

Register = Callable[..., Any]


def rows(tmp_path: Path, table: str) -> int:
    """Rows of a table, counted by another program than ours."""
    with sqlite3.connect(tmp_path / "home" / "registry.db") as connection:
        count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return int(count)


def test_the_first_version_is_one(register: Register, registry: Registry, weights: Path) -> None:
    """A new model begins with 1.0.0, number 1, and says what it holds."""
    made = register(metrics={"val/accuracy": 0.9}, source=Source("abc", True), summary="first", created_by="ada")
    digest = f"sha256:{hashlib.sha256(weights.read_bytes()).hexdigest()}"
    shown = registry.show("digits").to_json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "name": "digits",
        "version": "1.0.0",
        "number": 1,
        "status": "ready",
        "status_since": None,
        "status_reason": None,
        "successor": None,
        "pinned": False,
        "aliases": [],
        "stages": [],
        "tags": {},
        "created_by": "ada",
        "summary": "first",
        "run_id": None,
        "metrics": {"val/accuracy": 0.9},
        "digest": digest,
        "size_bytes": 7000,
        "artifacts": [{"path": "model.safetensors", "kind": "weights", "digest": digest, "size_bytes": 7000}],
        "parents": [],
        "exports": [],
        "signature": {},
        "source": {"git_commit": "abc", "dirty": True},
        "bump": {
            "kind": "first",
            "computed": "first",
            "reasons": ["first version"],
            "overruled": None,
            "forced": False,
            "base": None,
        },
        "config": {},
    }
    assert made.to_json() == registry.show("digits@1.0.0").to_json()


def test_versions_follow_the_change(register: Register) -> None:
    """The part that moves is decided against the highest version there is."""
    steps = [
        ({"optimizer": {"lr": 0.1}}, [10, 64]),
        ({"optimizer": {"lr": 0.1}, "experiment": {"seed": 2}}, [10, 64]),
        ({"optimizer": {"lr": 0.2}}, [10, 64]),
        ({"optimizer": {"lr": 0.2}}, [10, 128]),
    ]
    seed = frozenset({"experiment.seed"})
    recipes = [Recipe(config=config, state={"w": [shape, "float32"]}, not_learned=seed) for config, shape in steps]
    made = [register(recipe=recipe) for recipe in recipes]
    assert [v.version for v in made] == ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]
    assert [v.number for v in made] == [1, 2, 3, 4]
    assert made[2].bump.reasons == ["optimizer.lr: 0.1 → 0.2"]
    assert made[3].bump.reasons == ["state: w [10, 64] → [10, 128]"]


def test_the_recipe_that_is_compared_may_differ_from_the_config_that_is_shown(
    register: Register, registry: Registry
) -> None:
    """Both are kept: one to compare with, one to show."""
    for lr in (1, 1):
        register(recipe=Recipe(config={"lr": lr}), config={"lr": lr, "host": os.urandom(4).hex()})
    assert registry.show("digits").version == "1.0.1"
    assert set(registry.show("digits").config) == {"lr", "host"}


def test_a_given_bump_overrules_and_is_recorded(register: Register) -> None:
    """What was computed stays visible beside what overruled it."""
    register()
    made = register(bump=Bump.MAJOR)
    assert (made.version, made.bump.kind, made.bump.computed, made.bump.overruled) == (
        "2.0.0",
        "major",
        "patch",
        "bump given",
    )
    agreed = register(bump=Bump.PATCH)
    assert (agreed.version, agreed.bump.overruled) == ("2.0.1", None)


def test_a_given_version_overrules_and_is_recorded(register: Register, registry: Registry) -> None:
    """An older line may be continued; the newest stays the newest."""
    register(version="2.0.0")
    made = register(version="1.4.1")
    assert (made.version, made.number, made.bump.overruled) == ("1.4.1", 2, "version given")
    assert registry.resolve("digits").version == "2.0.0"
    assert register().version == "2.0.1"


def test_a_taken_version_is_a_conflict_that_names_the_free_ones(register: Register, registry: Registry) -> None:
    """Exit code 3, the version that is there, and what to write instead; nothing is registered."""
    register()
    register()
    with pytest.raises(VersionTakenError) as caught:
        register(version="1.0.0")
    assert caught.value.exit_code == 3
    assert "digits@1.0.0" in caught.value.message
    assert "1.0.2, 1.1.0, 2.0.0" in caught.value.hint
    assert register().number == 3


def test_the_same_key_gives_the_same_version(register: Register, tmp_path: Path) -> None:
    """A registration whose answer was lost is not made twice, and takes no number."""
    first = register(idempotency_key="run-1")
    assert register(idempotency_key="run-1") == first
    assert rows(tmp_path, "rt_versions") == 1
    assert register().number == 2
    with pytest.raises(IdempotencyError):
        register("other", idempotency_key="run-1")


def test_parents_are_resolved_before_the_version_exists(register: Register, registry: Registry) -> None:
    """`latest` is the version before, never the new one itself."""
    register("teacher")
    register()
    links = (ParentLink("digits", Relation.RESUMED_FROM), ParentLink("teacher@^1", Relation.DISTILLED_FROM))
    made = register(parents=links)
    expected = [ParentLink("digits@1.0.0", Relation.RESUMED_FROM), ParentLink("teacher@1.0.0", Relation.DISTILLED_FROM)]
    assert made.parents == registry.parents("digits@1.0.1") == expected
    assert registry.parents("digits@1.0.0") == []


def test_an_unknown_parent_or_run_registers_nothing(register: Register, tmp_path: Path) -> None:
    """The whole transaction is undone, the model's row too."""
    with pytest.raises(ModelNotFoundError):
        register(parents=(ParentLink("nobody", Relation.RESUMED_FROM),))
    with pytest.raises(RunNotFoundError):
        register(run_id="nobody")
    assert [rows(tmp_path, table) for table in ("rt_models", "rt_versions", "rt_blobs")] == [0, 0, 0]
    assert register().number == 1


def test_a_version_belongs_to_its_run(register: Register, registry: Registry) -> None:
    """The run shows the version, the version its run."""
    registry.start_run(RunStart("r1", "digits", "/runs/r1"))
    assert register(run_id="r1").run_id == "r1"
    run = registry.run("r1")
    assert (run.model, run.version) == ("digits", "1.0.0")


@pytest.mark.parametrize("names", [("a.txt", "A.txt"), ("a", "a/b"), ("../a",), ("/a",)])
def test_names_that_cannot_be_unpacked_together_are_refused(
    registry: Registry, weights: Path, names: tuple[str, ...]
) -> None:
    """No two files of one name in any letter case, no file that is also a folder, none outside."""
    with pytest.raises(NameNotAllowedError):
        registry.register(Registration("digits", tuple(FileToStore(weights, name) for name in names)))


def test_bad_input_is_refused_before_anything_is_stored(register: Register, tmp_path: Path) -> None:
    """Names and versions are checked first; the store stays empty."""
    with pytest.raises(NameNotAllowedError):
        register("Digits")
    with pytest.raises(VersionSyntaxError):
        register(version="1.0")
    assert not (tmp_path / "home" / "blobs").exists()


def test_files_that_cannot_be_stored_are_named(registry: Registry, tmp_path: Path, weights: Path) -> None:
    """Missing, a folder, a pipe, or another digest than was said: exit code 2 and nothing left behind."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileToStoreError, match=path.name):
            registry.register(Registration("digits", (FileToStore(path, "x"),)))
    with pytest.raises(FileToStoreError, match="digest"):
        registry.register(Registration("digits", (FileToStore(weights, "x", digest="0" * 64),)))
    assert list((tmp_path / "home" / "blobs" / "tmp").iterdir()) == []
    good = hashlib.sha256(weights.read_bytes()).hexdigest().upper()
    assert registry.register(Registration("digits", (FileToStore(weights, "x", digest=good),))).number == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_store_that_cannot_be_written_registers_nothing(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """Disk full or read-only at any step: exit code 5, no row, no temporary file; and it works again after."""
    register("before")

    do = getattr(os, call)

    def fail(*args: Any, **options: Any) -> Any:
        if call == "open" and not args[1] & os.O_CREAT:  # of the file that is offered
            return do(*args, **options)
        raise OSError(code, os.strerror(code))

    new = tmp_path / "new.bin"
    new.write_bytes(b"new")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StoreUnavailableError) as caught:
            register(files=(FileToStore(new, "new.bin"),))
    assert caught.value.exit_code == 5
    assert os.strerror(code) in caught.value.message
    assert rows(tmp_path, "rt_versions") == 1
    assert list((tmp_path / "home" / "blobs" / "tmp").iterdir()) == []
    assert register(files=(FileToStore(new, "new.bin"),)).number == 1


@pytest.mark.parametrize("times", [1, 100])
def test_a_blob_that_leaves_while_registering_is_stored_again(
    registry: Registry, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The transaction looks for every blob itself: no row without its bytes, and tries are bounded."""
    put, lost = registry._store.put, []

    def put_and_lose(*arguments: Any) -> Any:
        stored = put(*arguments)
        if len(lost) < times:
            (tmp_path / "home" / "blobs" / "sha256" / stored[0].blob.key).unlink()
            lost.append(stored)
        return stored

    monkeypatch.setattr(registry._store, "put", put_and_lose)
    if times == 1:
        assert register().number == 1
        assert len(registry.checkout("digits", tmp_path / "out", bare=True)) == 1
        return
    with pytest.raises(BlobMissingError):
        register()
    assert rows(tmp_path, "rt_versions") == 0
    assert 1 < len(lost) < 10


def test_a_stored_blob_that_leaves_while_it_is_found_is_stored_again(
    register: Register, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found in the store and gone before it could be made young: no row without its bytes."""
    register()
    renew, lost = os.utime, []

    def lose(path: Path) -> None:
        if not lost:
            lost.append(path)
            path.unlink()
        renew(path)

    monkeypatch.setattr(os, "utime", lose)
    assert register().number == 2
    assert lost[0].parent.name == "sha256"
    assert len(registry.checkout("digits/2", tmp_path / "out", bare=True)) == 1
    assert list((tmp_path / "home" / "blobs" / "tmp").iterdir()) == []


def test_equal_files_are_stored_once(registry: Registry, weights: Path, tmp_path: Path) -> None:
    """Content is the address, within a version and across models; blobs are read-only files."""
    files = (FileToStore(weights, "a.bin"), FileToStore(weights, "b.bin"))
    registry.register(Registration("one", files))
    registry.register(Registration("two", files))
    stored = list((tmp_path / "home" / "blobs" / "sha256").iterdir())
    assert len(stored) == rows(tmp_path, "rt_blobs") == 1
    assert stored[0].stat().st_mode & 0o777 == 0o400


def test_the_digest_of_a_version_is_that_of_its_weights(registry: Registry, weights: Path, tmp_path: Path) -> None:
    """A log beside them does not change it; several weights have one together, in any order."""
    log = tmp_path / "log"
    log.write_text("x")
    one = FileToStore(weights, "w", ArtifactKind.WEIGHTS)
    two = FileToStore(log, "v", ArtifactKind.WEIGHTS)
    plain = registry.register(Registration("m", (one,)))
    logged = registry.register(Registration("m", (FileToStore(log, "log", ArtifactKind.LOG), one)))
    several = [registry.register(Registration("m", files)).digest for files in ((one, two), (two, one))]
    assert plain.digest == logged.digest
    assert several[0] == several[1] != plain.digest


def test_values_that_are_no_json_are_stored_as_what_is_closest(register: Register, registry: Registry) -> None:
    """NaN and infinity become null, paths text, zero bytes and broken text a mark."""
    register(
        metrics={"a": float("nan"), "b": float("inf"), "c": 1.5},
        config={"p": Path("/x"), "t": (1, 2), "z": "a\x00b\ud800"},
    )
    shown = registry.show("digits")
    assert shown.metrics == {"a": None, "b": None, "c": 1.5}
    assert shown.config == {"p": "/x", "t": [1, 2], "z": "a�b?"}
