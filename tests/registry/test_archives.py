"""Archives: what may stand in one, and what is refused."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from regtrain_registry import ParentLink, Recipe, Registration, Registry, Relation, RunStart, VersionStatus
from regtrain_registry.archives import manifest_reader
from regtrain_registry.archives.manifest import MANIFEST, Manifest
from regtrain_registry.domain.identities import Identity, qualified_version
from regtrain_registry.errors import (
    ArchiveDamagedError,
    ArchiveError,
    BlobDamagedError,
    ConflictError,
    ParentMissingError,
    RegistryError,
    TargetExistsError,
)
from regtrain_registry.ops import archive_files
from regtrain_registry.semver import parse_version
from support.registry.archive_files import changed, members, written
from support.registry.places import Place, make_place

UIDS = ("11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "home")


@pytest.fixture
def archive(place: Place, tmp_path: Path) -> Path:
    """digits@1.0.0 and digits@1.0.1, which came from it."""
    place.register(config={"lr": 0.1})
    place.register(files=(place.weights(b"more"),), parents=(ParentLink("digits", Relation.RESUMED_FROM),))
    file = tmp_path / "home.tar"
    place.open().export_archive(["digits"], file)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Registry:
    return make_place(tmp_path / "other").open()


def test_any_tar_program_reads_an_archive_and_it_is_always_the_same(
    archive: Path, place: Place, tmp_path: Path
) -> None:
    """The manifest stands first, then each blob under its digest, with nothing of the machine that wrote it."""
    (name, text), *blobs = members(archive)
    assert name == MANIFEST
    assert [blob for blob, _ in blobs] == [f"blobs/{d.removeprefix('sha256:')}" for d in json.loads(text)["blobs"]]
    assert sorted(data for _, data in blobs) == [b"more", b"weights"]
    place.open().export_archive(["digits/2"], tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == archive.read_bytes()
    assert written(tmp_path / "by-tar.tar", members(archive)).read_bytes().rstrip(b"\0") == archive.read_bytes().rstrip(
        b"\0"
    )
    with pytest.raises(TargetExistsError):
        place.open().export_archive(["digits"], archive)


def test_a_damaged_file_is_not_exported(place: Place, tmp_path: Path) -> None:
    """Nothing is left where the archive would be."""
    version = place.register()
    file = place.folder / "blobs/sha256" / version.digest.removeprefix("sha256:")
    file.chmod(0o600)
    file.write_bytes(b"weightz")
    (tmp_path / "out").mkdir()
    with pytest.raises(BlobDamagedError):
        place.open().export_archive(["digits"], tmp_path / "out/a.tar")
    assert list((tmp_path / "out").iterdir()) == []


def test_every_truncation_and_every_flipped_block_is_refused(archive: Path, other: Registry, tmp_path: Path) -> None:
    """Whatever an archive lost on its way: an error, and never a version of which something is missing."""
    data = archive.read_bytes()
    end = len(data.rstrip(b"\0"))
    broken = tmp_path / "broken.tar"
    for cut in (*range(0, end, 512), end - 1):
        broken.write_bytes(data[:cut])
        with pytest.raises((ArchiveError, ArchiveDamagedError)):
            other.import_archive(broken)
    first_blob = data.index(b"blobs/")
    for at in range(first_blob, end, 64):
        if data[at] == 0:
            continue
        broken.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises((ArchiveError, ArchiveDamagedError)):
            other.import_archive(broken)
    assert other.models() == []


def _member(kind: bytes, name: str = "blobs/x", link: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    return header


EVIL: dict[str, Callable[[list[tuple[str, bytes]]], list[tuple[tarfile.TarInfo | str, bytes]]]] = {
    "empty": lambda good: [],
    "no manifest first": lambda good: [*good[1:], good[0]],
    "absolute path": lambda good: [good[0], ("/tmp/evil", good[1][1]), *good[2:]],
    "path above": lambda good: [good[0], ("../../evil", good[1][1]), *good[2:]],
    "symbolic link": lambda good: [good[0], (_member(tarfile.SYMTYPE, link="/etc/passwd"), b""), *good[1:]],
    "hard link": lambda good: [good[0], (_member(tarfile.LNKTYPE, link=good[1][0]), b""), *good[1:]],
    "device": lambda good: [good[0], (_member(tarfile.CHRTYPE), b""), *good[1:]],
    "fifo": lambda good: [good[0], (_member(tarfile.FIFOTYPE), b""), *good[1:]],
    "folder": lambda good: [good[0], (_member(tarfile.DIRTYPE, "blobs"), b""), *good[1:]],
    "sparse": lambda good: [good[0], (_member(tarfile.GNUTYPE_SPARSE), b""), *good[1:]],
    "long name": lambda good: [good[0], ("blobs/" + "0" * 300, b"x"), *good[1:]],
    "a link with content": lambda good: [good[0], (_member(tarfile.SYMTYPE, good[1][0], "/etc/passwd"), good[1][1]), *good[2:]],
    "one more": lambda good: [*good, ("blobs/" + "0" * 64, b"x")],
    "one less": lambda good: good[:-1],
    "another order": lambda good: [good[0], *reversed(good[1:])],
    "a name in another case": lambda good: [good[0], (good[1][0].upper(), good[1][1]), *good[2:]],
    "more bytes": lambda good: [good[0], (good[1][0], good[1][1] + b"x"), *good[2:]],
    "other bytes": lambda good: [good[0], (good[1][0], good[1][1][:-1] + b"x"), *good[2:]],
}  # fmt: skip


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
@pytest.mark.parametrize("kind", EVIL)
def test_what_is_no_plain_archive_is_refused(
    kind: str, form: int, archive: Path, other: Registry, tmp_path: Path
) -> None:
    """Nothing is extracted by name, and no version is made."""
    evil = written(tmp_path / "evil.tar", EVIL[kind](members(archive)), form)
    before = {path for path in tmp_path.rglob("*") if "other" not in path.parts}
    with pytest.raises((ArchiveError, ArchiveDamagedError)):
        other.import_archive(evil)
    assert {path for path in tmp_path.rglob("*") if "other" not in path.parts} == before
    assert other.models() == []


def _first(manifest: dict[str, Any]) -> dict[str, Any]:
    version: dict[str, Any] = manifest["versions"][0]
    return version


def _to(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        place: Any = manifest
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _swap(manifest: dict[str, Any]) -> None:
    manifest["versions"].reverse()


def _ring(manifest: dict[str, Any]) -> None:
    child = manifest["versions"][1]["who"]
    _first(manifest)["parents"] = [{"who": child, "relation": "resumed_from"}]


def _itself(manifest: dict[str, Any]) -> None:
    _first(manifest)["parents"] = [{"who": _first(manifest)["who"], "relation": "resumed_from"}]


def _unknown_parent(manifest: dict[str, Any]) -> None:
    who = {"registry": UIDS[0], "model": "digits", "version": "1.0.0", "number": 1}
    _first(manifest)["parents"] = [{"who": who, "relation": "resumed_from"}]


def _deep(manifest: dict[str, Any]) -> None:
    for _ in range(600):
        _first(manifest)["config"] = {"a": _first(manifest)["config"]}


V = ("versions", 0)
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], None], type[RegistryError]]] = {
    "another form": (_to("form", value=3), ArchiveError),
    "a key that nobody knows": (_to("more", value=1), ArchiveError),
    "a model's name with a path": (_to(*V, "who", "model", value="../x"), ArchiveError),
    "no version": (_to(*V, "who", "version", value="1.0"), ArchiveError),
    "a version in digits of another script": (_to(*V, "who", "version", value="1.0.٣"), ArchiveError),
    "no registry": (_to(*V, "who", "registry", value="me"), ArchiveError),
    "a file above": (_to(*V, "files", 0, "path", value="../model"), ArchiveError),
    "a file with a null byte": (_to(*V, "files", 0, "path", value="a\0b"), ArchiveError),
    "a digest that is a path": (_to(*V, "files", 0, "digest", value="sha256:../../" + "0" * 58), ArchiveError),
    "a digest in capitals": (_to(*V, "files", 0, "digest", value="sha256:" + "A" * 64), ArchiveError),
    "a digest of another file": (_to(*V, "digest", value="sha256:" + "0" * 64), ArchiveError),
    "a negative size": (_to(*V, "files", 0, "size_bytes", value=-1), ArchiveError),
    "another size": (_to(*V, "files", 0, "size_bytes", value=8), ArchiveError),
    "a size as text": (_to(*V, "files", 0, "size_bytes", value="7"), ArchiveError),
    "a blob of no version": (_to("blobs", "sha256:" + "0" * 64, value=3), ArchiveError),
    "a time without zone": (_to(*V, "created_at", value="2026-01-01T00:00:00"), ArchiveError),
    "a relation that is none": (_to("versions", 1, "parents", 0, "relation", value="stolen_from"), ArchiveError),
    "a status that is none": (_to(*V, "status", value="perfect"), ArchiveError),
    "a tag's name with a blank": (_to(*V, "tags", value={"a b": "c"}), ArchiveError),
    "a tag that is too long": (_to(*V, "tags", value={"a": "c" * 256}), ArchiveError),
    "a run that is not there": (_to(*V, "run", value="run-9"), ParentMissingError),
    "children before parents": (_swap, ArchiveError),
    "a ring": (_ring, ArchiveError),
    "its own parent": (_itself, ArchiveError),
    "a parent that is nowhere": (_unknown_parent, ParentMissingError),
    "a config without end": (_deep, ArchiveError),
}  # fmt: skip


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_is_checked_in_every_field(kind: str, archive: Path, other: Registry, tmp_path: Path) -> None:
    """One clear error, and no version is made."""
    change, error = MANIFESTS[kind]
    with pytest.raises(error) as caught:
        other.import_archive(changed(archive, tmp_path / "evil.tar", change))
    assert "\n" not in caught.value.message
    assert other.models() == []
    assert other.fsck(read_data=True).ok


def test_a_ring_is_named(archive: Path, other: Registry, tmp_path: Path) -> None:
    """With the versions that it is made of."""
    with pytest.raises(ArchiveError, match=r"digits@1\.0\.0 comes from digits@1\.0\.1 comes from digits@1\.0\.0"):
        other.import_archive(changed(archive, tmp_path / "evil.tar", _ring))


def test_what_is_collected_during_an_import_is_a_conflict(
    archive: Path, tmp_path: Path, other: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection without grace may take files before their rows are there; the next import brings them."""

    def read_and_lose(*arguments: Any) -> Any:
        found = read_archive(*arguments)
        for blob in (tmp_path / "other" / "blobs" / "sha256").iterdir():
            blob.unlink()
        return found

    read_archive = archive_files.read_archive
    with monkeypatch.context() as patched:
        patched.setattr(archive_files, "read_archive", read_and_lose)
        with pytest.raises(ConflictError, match=r"digits@1\.0\.0") as caught:
            other.import_archive(archive)
    assert (caught.value.exit_code, caught.value.hint) == (3, "Import the archive again.")
    assert [one.outcome for one in other.import_archive(archive)] == ["imported", "imported"]


def test_what_is_no_regular_file_is_no_archive(other: Registry, tmp_path: Path) -> None:
    """A folder, a pipe, nothing."""
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "nothing"):
        with pytest.raises(ArchiveError):
            other.import_archive(tmp_path / name)


def test_a_manifest_that_would_fill_the_memory_is_not_read(other: Registry, tmp_path: Path) -> None:
    """Its size is known before it is."""
    header = tarfile.TarInfo(MANIFEST)
    header.size = 1 << 40
    (tmp_path / "bomb.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(ArchiveError, match="1099511627776 bytes"):
        other.import_archive(tmp_path / "bomb.tar")


def test_a_run_of_another_registry_does_not_take_the_place_of_ours(
    archive: Path, place: Place, other: Registry, tmp_path: Path
) -> None:
    """Two runs may have one id; a run that was going on is not said to go on here."""
    place.open().start_run(RunStart("run-1", "theirs", "/their/runs/1"))
    place.register(run_id="run-1", recipe=Recipe(config={"a": 1}))
    place.open().export_archive(["digits"], tmp_path / "runs.tar")
    other.start_run(RunStart("run-1", "ours", "/our/runs/1"))
    other.import_archive(tmp_path / "runs.tar")
    other.import_archive(tmp_path / "runs.tar")
    theirs = other.show("digits").run_id
    assert theirs is not None
    assert (other.run("run-1").name, other.run(theirs).name) == ("ours", "theirs")
    assert theirs.startswith("run-1-")
    assert other.run(theirs).status == "interrupted"


def test_deprecation_names_its_successor_by_what_it_is_called_here(
    place: Place, other: Registry, tmp_path: Path
) -> None:
    """A successor comes after what it succeeds, and may have another name here."""
    registry = place.open()
    place.register(config={"a": 1})
    place.register(files=(place.weights(b"2"),), parents=(ParentLink("digits", Relation.RESUMED_FROM),))
    registry.deprecate("digits/1", "too small", "digits/2")
    registry.export_archive(["digits/2"], tmp_path / "a.tar")
    other.register(Registration("digits", (), version="1.0.1"))
    made = other.import_archive(tmp_path / "a.tar")
    assert other.show(made[0].ref).marks.reason == "too small"
    assert other.show(made[0].ref).marks.successor == made[1].ref
    assert made[1].ref.startswith("digits@1.0.1-from-")


def test_a_deprecation_comes_along(place: Place, other: Registry, tmp_path: Path) -> None:
    """Also of a version that was archived since: restored where it was imported, it is deprecated again."""
    place.register()
    home = place.open()
    home.deprecate("digits", "bad labels")
    home.archive("digits", "tidy")
    home.export_archive(["digits/1"], tmp_path / "a.tar")
    other.import_archive(tmp_path / "a.tar")
    assert other.show("digits/1").status is VersionStatus.ARCHIVED
    shown = other.restore("digits/1")
    assert (shown.status, shown.marks.reason) == (VersionStatus.DEPRECATED, "bad labels")


@given(
    st.sampled_from(UIDS),
    st.from_regex(r"\A(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(-[a-z][a-z0-9.]{0,60}[a-z])?\Z"),
)
def test_the_name_elsewhere_is_a_prerelease_of_the_same_version(uid: str, text: str) -> None:
    """It can be read, it stands below its own release, and it does not depend on the number."""
    try:
        version = parse_version(text)
    except RegistryError:
        return
    name = qualified_version(Identity(uid, "digits", text, 1))
    assert parse_version(str(name)) == name
    assert (name.major, name.minor, name.patch) == (version.major, version.minor, version.patch)
    assert name < name.finalize_version()
    assert name == qualified_version(Identity(uid, "digits", text, 7))
    assert name != qualified_version(Identity(UIDS[uid == UIDS[0]], "digits", text, 1))


def _million(item: str) -> str:
    return f"[{','.join([item] * 1_000_000)}]"


def _many_keys(value: str) -> str:
    return "{{{}}}".format(",".join(f'"k{number}":{value}' for number in range(1_000_000)))


BOMBS = {
    "empty versions": ("versions", _million("{}")),
    "numbers for versions": ("versions", _million("0")),
    "empty runs": ("runs", _million("{}")),
    "blobs that are none": ("blobs", _many_keys('"x"')),
    "unknown keys": ("more", "0," + _many_keys("0")[1:-1]),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOMBS)
def test_a_manifest_that_is_wrong_everywhere_makes_few_error_objects(kind: str) -> None:
    """One object for each fault would take thousands of times the bytes of the archive."""
    key, value = BOMBS[kind]
    good = {"form": "2", "registry": f'"{UIDS[0]}"', "versions": "[]", "runs": "[]", "blobs": "{}"} | {key: value}
    text = "{{{}}}".format(",".join(f'"{name}":{part}' for name, part in good.items()))
    with pytest.raises(ValidationError) as caught:
        Manifest.model_validate_json(text)
    assert caught.value.error_count() < 100


@pytest.mark.slow
@pytest.mark.parametrize("field", ["tags", "recipe", "files", "exports", "parents", "events", "signatures", "more"])
def test_so_does_a_version_that_is_wrong_everywhere(field: str, archive: Path) -> None:
    """Whichever of its fields has a million of them."""
    manifest = json.loads(members(archive)[0][1])
    version = _first(manifest)
    if field == "recipe":
        for part in ("data", "code", "state"):
            version["recipe"][part] = {f"k{number}": 0 for number in range(100_000)}
        version["recipe"]["not_learned"] = [0] * 100_000
        version["bump"]["reasons"] = [0] * 100_000
    elif field in ("tags", "more"):
        version[field] = {f"k {number}": 0 for number in range(100_000)}
        version |= {f"more {number}": 0 for number in range(100_000 if field == "more" else 0)}
    else:
        version[field] = [{}] * 100_000
    with pytest.raises(ValidationError) as caught:
        Manifest.model_validate_json(json.dumps(manifest))
    assert caught.value.error_count() < 100


def test_a_manifest_of_too_many_values_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted first."""
    monkeypatch.setattr(manifest_reader, "MAX_VALUES", 1000)
    with pytest.raises(ArchiveError, match="more than 1000 values"):
        manifest_reader.read_manifest(_million("0").encode())
