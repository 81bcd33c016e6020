"""Finding, listing and unpacking versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from regtrain_registry import ArtifactKind, FileToStore, Registration, Registry
from regtrain_registry.errors import (
    ArtifactNotFoundError,
    BlobDamagedError,
    BlobMissingError,
    FolderNotEmptyError,
    ModelNotFoundError,
    NameNotAllowedError,
    NoRegistryError,
    VersionNotFoundError,
)

Register = Callable[..., Any]


def execute(tmp_path: Path, statement: str) -> None:
    connection = sqlite3.connect(tmp_path / "home" / "registry.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def blob_file(tmp_path: Path, digest: str) -> Path:
    return tmp_path / "home" / "blobs" / "sha256" / digest.removeprefix("sha256:")


def damage(file: Path) -> None:
    """Flip one bit in the middle; the size stays."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


@pytest.fixture
def line(register: Register) -> None:
    """Versions 1.0.0, 1.1.0, 1.2.0, 2.0.0, 2.1.0-rc.1 and 1.10.0, in this order."""
    for version in ("1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0-rc.1", "1.10.0"):
        register(version=version)


@pytest.mark.parametrize(
    ("ref", "version"),
    [
        ("digits", "2.0.0"),
        ("digits@latest", "2.0.0"),
        ("models:/digits/latest", "2.0.0"),
        ("digits@1.1.0", "1.1.0"),
        ("models:/digits/1.1.0", "1.1.0"),
        ("digits@2.1.0-rc.1", "2.1.0-rc.1"),
        ("digits@^1.1", "1.10.0"),
        ("digits@~1.1.0", "1.1.0"),
        ("digits@>=1,<2", "1.10.0"),
        ("digits@>=1.0.0,!=1.10.0,<2", "1.2.0"),
        ("digits@^1", "1.10.0"),
        ("digits@>2.0.0-rc.1", "2.1.0-rc.1"),
        ("digits/2", "1.1.0"),
        ("models:/digits/6", "1.10.0"),
    ],
)
def test_every_form_of_ref_finds_its_version(line: None, registry: Registry, ref: str, version: str) -> None:
    """The database chooses as the values say."""
    assert registry.resolve(ref).version == version


def test_what_is_unknown_is_answered_with_what_is_near(line: None, registry: Registry) -> None:
    """Nearest names for a model, newest versions and aliases for a version."""
    registry.set_alias("digits@1.0.0", "champion")
    with pytest.raises(ModelNotFoundError) as model:
        registry.resolve("digit")
    assert "digits" in model.value.hint
    for ref in ("digits@9.0.0", "digits@^9", "digits/99", "digits@champio"):
        with pytest.raises(VersionNotFoundError) as version:
            registry.resolve(ref)
        assert "2.1.0-rc.1" in version.value.hint
        assert "champion" in version.value.hint


def test_latest_skips_archived_versions_and_prereleases(line: None, registry: Registry, tmp_path: Path) -> None:
    """An archived version is found by its version, its number and its alias only."""
    registry.set_alias("digits@2.0.0", "old")
    execute(tmp_path, "UPDATE rt_versions SET status = 'archived' WHERE major = 2 AND prerelease = ''")
    assert registry.resolve("digits").version == "1.10.0"
    assert [m.latest.version for m in registry.models() if m.latest] == ["1.10.0"]
    for ref in ("digits@2.0.0", "digits/4", "digits@old"):
        assert registry.resolve(ref).version == "2.0.0"
    with pytest.raises(VersionNotFoundError):
        registry.resolve("digits@^2")


def test_versions_come_highest_first_without_config(line: None, registry: Registry) -> None:
    """Semantic order, not the order of registration or of text."""
    listed = registry.versions("digits")
    assert [v.version for v in listed] == ["2.1.0-rc.1", "2.0.0", "1.10.0", "1.2.0", "1.1.0", "1.0.0"]
    assert [v.to_json() for v in listed] == [
        {k: v for k, v in registry.show(f"digits/{one.number}").to_json().items() if k != "config"} for one in listed
    ]
    assert "config" not in listed[0].to_json()


def test_the_list_of_models_has_the_promised_shape(line: None, register: Register, registry: Registry) -> None:
    """Models by name with counts, latest, aliases and sizes."""
    register("another", version="0.1.0-rc.1", metrics={"a": 1})
    registry.set_alias("digits@1.1.0", "champion")
    first, second = [model.to_json() for model in registry.models()]
    assert first == {"name": "another", "versions": 1, "latest": None, "aliases": {}, "stages": {}, "size_bytes": 7000}
    assert second["latest"].pop("created_at").endswith("Z")
    assert second == {
        "name": "digits",
        "versions": 6,
        "latest": {"version": "2.0.0", "number": 4, "status": "ready", "metrics": {}},
        "aliases": {"champion": "1.1.0"},
        "stages": {},
        "size_bytes": 42000,
    }


def test_an_alias_moves(line: None, registry: Registry) -> None:
    """An alias names one version of its model at a time."""
    assert registry.set_alias("digits@1.0.0", "champion").aliases == ["champion"]
    registry.set_alias("digits@2.0.0", "champion")
    assert registry.resolve("digits@champion").version == "2.0.0"
    assert registry.resolve("digits@1.0.0").aliases == []
    with pytest.raises(NameNotAllowedError):
        registry.set_alias("digits", "latest")


def test_an_alias_belongs_to_its_model(register: Register, registry: Registry) -> None:
    """Two models may use one alias."""
    for model in ("one", "two"):
        register(model)
        registry.set_alias(model, "champion")
    assert [registry.resolve(f"{m}@champion").name for m in ("one", "two")] == ["one", "two"]


def test_lists_take_a_fixed_number_of_queries(register: Register, registry: Registry) -> None:
    """As many statements for thirty versions as for one, and no table is read row by row for a count."""
    statements: list[str] = []
    parameters: dict[str, Any] = {}
    engine = registry._database._engine

    def note(*args: Any) -> None:
        statements.append(args[2])
        parameters[args[2]] = args[3]

    event.listen(engine, "before_cursor_execute", note)
    counts = []
    for _ in range(2):
        statements.clear()
        registry.models()
        registry.versions("digits") if counts else register()
        counts.append(len(statements))
        for _ in range(29):
            register()
    statements.clear()
    registry.models()
    assert len([s for s in statements if s.startswith("SELECT")]) == 2
    listing = next(s for s in statements if "sum" in s.lower())
    statements.clear()
    registry.versions("digits")
    assert len([s for s in statements if s.startswith("SELECT")]) == 8
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {listing}", parameters[listing])
        on_versions = [row[3] for row in plan if "rt_versions" in row[3]]
        assert len(on_versions) == 2
        assert all("COVERING INDEX ix_rt_versions_order" in step for step in on_versions)


def test_checkout_gives_the_same_bytes(registry: Registry, weights: Path, tmp_path: Path) -> None:
    """Every file under its name, in a new folder or an empty one."""
    (tmp_path / "log").write_text("log")
    files = (
        FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS),
        FileToStore(tmp_path / "log", "logs/train.log"),
    )
    registry.register(Registration("digits", files))
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "new" / "deep"):
        paths = registry.checkout("digits", target, bare=True)
        assert sorted(paths) == [target / "logs/train.log", target / "model.safetensors"]
        assert (target / "model.safetensors").read_bytes() == weights.read_bytes()
        assert (target / "logs/train.log").read_text() == "log"


def test_checkout_never_mixes_with_what_is_there(register: Register, registry: Registry, tmp_path: Path) -> None:
    """A folder with anything in it, a file, or a link is refused and stays as it is."""
    register()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in ("full", "full/mine", "link"):
        with pytest.raises(FolderNotEmptyError):
            registry.checkout("digits", tmp_path / target)
    assert (tmp_path / "full" / "mine").read_text() == "mine"


def test_damage_is_found_on_every_read(register: Register, registry: Registry, tmp_path: Path) -> None:
    """One flipped bit: exit code 4, artifact and digest named, and nothing unpacked."""
    digest = register().digest
    damage(blob_file(tmp_path, digest))
    before = sorted(tmp_path.iterdir())
    for read in (lambda: registry.checkout("digits", tmp_path / "out"), lambda: registry.open_artifact("digits")):
        with pytest.raises(BlobDamagedError) as caught:
            read()
        assert caught.value.exit_code == 4
        assert "model.safetensors of digits@1.0.0" in caught.value.message
        assert digest in caught.value.message
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_blob_is_named(register: Register, registry: Registry, tmp_path: Path) -> None:
    """A blob that was deleted behind our back is an integrity error too."""
    blob_file(tmp_path, register().digest).unlink()
    with pytest.raises(BlobMissingError, match=r"model\.safetensors of digits@1\.0\.0"):
        registry.checkout("digits", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_row_with_an_evil_name_unpacks_nothing(register: Register, registry: Registry, tmp_path: Path) -> None:
    """Names are checked again when they become paths."""
    register()
    execute(tmp_path, "UPDATE rt_artifacts SET path = '../../evil'")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NameNotAllowedError):
        registry.checkout("digits", tmp_path / "out" / "deep")
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before] == [tmp_path / "out"]


def test_an_artifact_is_opened_by_name_or_kind(registry: Registry, weights: Path) -> None:
    """One of a kind is enough to say the kind; else its name."""
    files = [
        FileToStore(weights, "w", ArtifactKind.WEIGHTS),
        *(FileToStore(weights, n, ArtifactKind.LOG) for n in "ab"),
    ]
    registry.register(Registration("digits", tuple(files)))
    for said in ("weights", "w", "a", ArtifactKind.WEIGHTS):
        assert registry.open_artifact("digits", said).read_bytes() == weights.read_bytes()
    for said in ("log", "metrics"):
        with pytest.raises(ArtifactNotFoundError) as caught:
            registry.open_artifact("digits", said)
        assert "w (weights)" in caught.value.hint


def test_an_empty_registry_is_empty(registry: Registry, tmp_path: Path) -> None:
    """No models, no runs, and a clear answer for whoever asks for one."""
    assert (registry.models(), registry.runs()) == ([], [])
    with pytest.raises(ModelNotFoundError, match="digits"):
        registry.versions("digits")
    with pytest.raises(NoRegistryError):
        Registry(f"sqlite:///{tmp_path}/elsewhere/registry.db", create=False)
    assert not (tmp_path / "elsewhere").exists()
