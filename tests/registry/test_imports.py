"""Imports: a version comes in once, keeps its identity under any name, and brings claims that count for nothing here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import ParentLink, Registry, Relation
from regtrain_registry.domain.events import canonical, event_hash
from regtrain_registry.domain.identities import qualified_version
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import ArchiveError, ConflictError, PromotionRefusedError, VersionNotFoundError
from support.registry.archive_files import archived, changed, identity_of, refs_of, sign, sound
from support.registry.places import make_place


class Pair:
    """Two registries, and archives on their way between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.home, self.other = make_place(folder / "home"), make_place(folder / "other")

    def carry(self, source: Registry, target: Registry) -> list[str]:
        """Everything from one to the other; the outcome of each version."""
        self.count += 1
        file = self.folder / f"{self.count}.tar"
        source.export_archive(None, file)
        return [one.outcome for one in target.import_archive(file)]

    def evil(self, source: Registry, change: Callable[[dict[str, Any]], None]) -> Path:
        """An archive of everything whose first version somebody has changed."""
        self.count += 1
        good, evil = self.folder / f"{self.count}-good.tar", self.folder / f"{self.count}-evil.tar"
        source.export_archive(None, good)
        return changed(good, evil, lambda manifest: change(manifest["versions"][0]))


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.fixture
def home(pair: Pair) -> Registry:
    """With digits@1.0.0."""
    pair.home.register()
    return pair.home.open(who="ada")


@pytest.fixture
def other(pair: Pair, home: Registry) -> Registry:
    """That has imported it."""
    registry = pair.other.open(who="bob")
    assert pair.carry(home, registry) == ["imported"]
    return registry


def kinds(registry: Registry, ref: str = "digits/1") -> list[str]:
    """The kinds of its own events about a version, from the first on."""
    return [event.kind.value for event in registry.history(ref)][::-1]


def test_the_events_at_home_are_an_attachment(pair: Pair, home: Registry) -> None:
    """They travel on, by way of others too, with the hashes of their log; the log of the importer has its own alone."""
    home.tag("digits", "team", "vision")
    home.untag("digits", "team")
    other, third = pair.other.open(who="bob"), make_place(pair.folder / "third").open()
    pair.carry(home, other)
    other.tag("digits", "used-by", "robot")
    pair.carry(other, third)
    assert (kinds(other), kinds(third)) == (["imported", "tagged"], ["imported"])
    told = [archived(one, pair.folder / "told.tar").events for one in (home, other, third)]
    assert [event.kind for event in told[0]] == ["registered", "tagged", "untagged"]
    assert told[0] == told[1] == told[2]
    assert [event.hash for event in told[0]] == [event.hash for event in home.history("digits")[::-1]]
    assert third.show("digits").tags == {"used-by": "robot"}
    sound(home, other, third)


@pytest.mark.parametrize("status", ["archived", "deprecated", "ready"])
def test_files_that_were_collected_come_back(status: str, pair: Pair, home: Registry, other: Registry) -> None:
    """With the status and the reason that the version had here, whatever the archive says of it."""
    pair.other.register(config={"another": "one"})
    if status == "archived":
        other.archive("digits/1", "full")
    if status == "deprecated":
        other.deprecate("digits/1", "drifts")
    other.delete("digits/1")
    other.gc(timedelta(), confirmed=True)
    home.tag("digits", "team", "vision")
    assert pair.carry(home, other) == ["files restored"]
    shown = other.show("digits/1")
    assert (shown.status.value, shown.marks.reason) == (
        status,
        {"archived": "full", "deprecated": "drifts"}.get(status),
    )
    assert shown.tags == {}
    assert kinds(other)[-2:] == ["collected", "restored"]
    assert other.verify("digits/1").damaged == []
    sound(home, other)


def test_what_comes_without_its_files_gets_them_later(pair: Pair, home: Registry, tmp_path: Path) -> None:
    """With the status of its home, and the files of its exports."""
    model = pair.folder / "model.onnx"
    model.write_bytes(b"as ONNX")
    home.record_export("digits", "onnx", model, passed=True)
    home.record_export("digits", "bare", None, passed=False)
    pair.home.register(files=(pair.home.weights(b"child"),), parents=(ParentLink("digits/1", Relation.RESUMED_FROM),))
    home.archive("digits/1", "full")
    home.export_archive(["digits/2"], tmp_path / "named.tar", named_files=True)
    other = pair.other.open()
    other.import_archive(tmp_path / "named.tar")
    shown = other.show("digits/1")
    assert (shown.status.value, shown.marks.reason) == ("collected", "imported without its files")
    assert [one.digest for one in shown.exports] == [None, None]
    assert pair.carry(home, other) == ["files restored", "known"]
    shown = other.show("digits/1")
    assert (shown.status, shown.marks.reason) == (VersionStatus.ARCHIVED, "full")
    assert [one.digest is None for one in shown.exports] == [True, False]
    sound(home, other)


def test_an_export_that_the_archive_does_not_hold_is_without_its_file(
    pair: Pair, home: Registry, other: Registry
) -> None:
    """That it passed is still known, and the next archive of it can be written."""
    pair.other.register(config={"another": "one"})
    (pair.folder / "model").write_bytes(b"as ONNX")
    other.record_export("digits/1", "onnx", pair.folder / "model", passed=True)
    other.delete("digits/1")
    other.gc(timedelta(), confirmed=True)
    assert pair.carry(home, other) == ["files restored"]
    (export,) = other.show("digits/1").exports
    assert (export.passed, export.digest, export.unverified) == (True, None, False)
    assert pair.carry(other, home) == ["known", "imported"]
    sound(home, other)


def without_weights(version: dict[str, Any]) -> None:
    version["files"] = []


def without_config(version: dict[str, Any]) -> None:
    del version["files"][0]


def other_kind(version: dict[str, Any]) -> None:
    version["files"][0]["kind"] = "log"


@pytest.mark.parametrize("change", [without_weights, without_config, other_kind])
def test_files_are_restored_only_where_all_of_them_are_the_same(
    change: Callable[[dict[str, Any]], None], pair: Pair
) -> None:
    """The archive's list is held against the rows of the version, which stays collected otherwise."""
    files = (pair.home.weights(), pair.home.named(pair.home.weights(b"lr: 1").path, "config.yaml"))
    pair.home.register(files=files)
    pair.home.register(files=(pair.home.weights(b"second"),))
    registry = pair.home.open()

    def change_all(version: dict[str, Any]) -> None:
        change(version)

    good = pair.folder / "good.tar"
    registry.export_archive(["digits/1"], good)
    registry.delete("digits/1")
    registry.gc(timedelta(), confirmed=True)
    evil = with_fitting_blobs(good, pair.folder / "evil.tar", change_all)
    with pytest.raises((ConflictError, ArchiveError)):
        registry.import_archive(evil)
    assert registry.show("digits/1").status is VersionStatus.COLLECTED
    assert [one.outcome for one in registry.import_archive(good)] == ["files restored"]
    assert len(registry.checkout("digits/1", pair.folder / "out", bare=True)) == 2


def with_fitting_blobs(archive: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """An archive whose manifest was changed, without the blobs that no version of it has any more."""
    import json

    from support.registry.archive_files import members, written

    (name, text), *blobs = members(archive)
    manifest = json.loads(text)
    change(manifest["versions"][0])
    left = {file["digest"] for file in manifest["versions"][0]["files"]}
    manifest["blobs"] = {digest: size for digest, size in manifest["blobs"].items() if digest in left}
    kept = [blob for blob in blobs if f"sha256:{blob[0].removeprefix('blobs/')}" in left]
    return written(target, [(name, json.dumps(manifest).encode()), *kept])


def test_an_imported_export_counts_for_no_gate(pair: Pair, home: Registry) -> None:
    """Until the export is recorded here; what is told by others is marked as such."""
    home.record_export("digits", "onnx", None, passed=True)
    other = pair.other.open()
    pair.carry(home, other)
    (export,) = other.show("digits").exports
    assert (export.passed, export.unverified, export.to_json()["unverified"]) == (True, True, True)
    with pytest.raises(PromotionRefusedError, match="only as another registry claims"):
        other.promote("digits", "production", {"exports": ["onnx"]})
    other.record_export("digits", "onnx", None, passed=True)
    assert [one.unverified for one in other.show("digits").exports] == [False]
    other.promote("digits", "production", {"exports": ["onnx"]})
    home.promote("digits", "production", {"exports": ["onnx"]})


def test_an_imported_signature_counts_for_no_gate(pair: Pair, home: Registry) -> None:
    """However it looks: nobody here has verified it."""
    sign(home, "digits", "aa")
    other = pair.other.open()
    pair.carry(home, other)
    assert [one.key_id for one in archived(other, pair.folder / "a.tar").signatures] == ["aa"]
    with pytest.raises(PromotionRefusedError, match="signed: no signature that was made or verified here"):
        other.promote("digits", "production", {"signed": True})


def test_a_successor_keeps_its_identity_under_any_name(pair: Pair, home: Registry) -> None:
    """It is named before it is here, and then by its name here."""
    other = pair.other.open()
    pair.other.register(config={"ours": 1})
    pair.home.register(config={"width": 2})
    home.deprecate("digits/1", "too small", "digits/2")
    home.export_archive(["digits/1"], pair.folder / "old.tar")
    (old,) = (one.ref for one in other.import_archive(pair.folder / "old.tar"))
    new = identity_of(home, "digits/2")
    pending = other.show(old).marks.successor
    assert pending == f"digits@{qualified_version(new)}"
    pair.other.register(version="1.0.1", config={"ours": 1})
    home.export_archive(["digits/2"], pair.folder / "new.tar")
    (made,) = other.import_archive(pair.folder / "new.tar")
    assert made.ref == pending
    assert identity_of(other, str(other.show(old).marks.successor)) == new
    third = make_place(pair.folder / "third").open()
    third.import_archive(pair.folder / "old.tar")
    third.import_archive(pair.folder / "new.tar")
    assert third.show("digits/1").marks.successor == "digits@1.0.1"
    sound(home, other, third)


def test_every_version_answers_to_the_name_that_it_has_elsewhere(pair: Pair, home: Registry) -> None:
    """At home, where it kept its name, and where it is called so."""
    other = pair.other.open()
    pair.other.register(files=(pair.other.weights(b"ours"),))
    pair.home.register(version="1.1.0-rc.1", config={"a": 1})
    long = f"2.0.0-{'x' * 60}"
    pair.home.register(version=long, config={"a": 2})
    pair.carry(home, other)
    third = make_place(pair.folder / "third").open()
    pair.carry(other, third)
    pair.carry(other, home)
    registries = (home, other, third)
    for who in refs_of(home):
        name = f"digits@{qualified_version(who)}"
        assert [identity_of(registry, name) for registry in registries] == [who] * 3
        assert registries[0].show(name).ref == refs_of(home)[who]
    assert {home.show("digits@1.0.0").digest, other.show("digits@1.0.0").digest} == {
        version.digest for version in third.versions("digits") if version.ref.startswith("digits@1.0.0")
    }


def test_a_name_of_elsewhere_names_nothing_else(pair: Pair, home: Registry, other: Registry) -> None:
    """Another version, another model, another registry, half a uid; nor one of two that would have the same name."""
    pair.home.register(config={"a": 1})
    pair.home.register("letters")
    uid = identity_of(home, "digits/1").registry.replace("-", "")[:12]
    strange = pair.other.open()
    assert home.show(f"digits@1.0.0-from-{uid}").ref == "digits@1.0.0"
    wrong = (f"2.0.0-from-{uid}", f"1.0.0-rc.1.from-{uid}", f"1.0.0-from-{'0' * 12}", f"1.0.0-from-{uid[:11]}")
    for registry in (home, other, strange):
        for version in (*wrong, f"1.0.0-from-{uid}.x", f"1.0.0-xfrom-{uid}", f"1.0.0-from-{uid}-{'0' * 12}"):
            with pytest.raises(VersionNotFoundError, match=re.escape(version)):
                registry.show(f"digits@{version}")
    with pytest.raises(VersionNotFoundError):
        home.show(f"letters@1.0.1-from-{uid}")
    twin = f"{uid[:8]}-{uid[8:]}-0000-0000-000000000000"
    pair.other.execute(f"UPDATE rt_origins SET registry_uid = '{twin}' WHERE version = '1.0.0'")
    pair.carry(home, other)
    assert len(other.versions("digits")) == 3
    with pytest.raises(VersionNotFoundError, match="from"):
        pair.other.execute("UPDATE rt_versions SET prerelease = 'x' WHERE prerelease LIKE 'from-%'")
        other.show(f"digits@1.0.0-from-{uid}")


def test_an_import_renames_nothing_that_is_here(pair: Pair, home: Registry) -> None:
    """Names and numbers stay as they are, in any order of archives."""
    other = pair.other.open()
    pair.other.register(files=(pair.other.weights(b"ours"),))
    before = [(one.ref, one.number, one.digest) for one in other.versions("digits")]
    for _ in range(2):
        pair.carry(home, other)
        pair.carry(other, home)
        assert set(before) <= {(one.ref, one.number, one.digest) for one in other.versions("digits")}
    assert home.show("digits@1.0.0").digest != other.show("digits@1.0.0").digest


def test_pins_aliases_stages_and_policies_stay_where_they_are(pair: Pair, home: Registry) -> None:
    """They are a registry's own."""
    home.pin("digits")
    home.set_alias("digits", "champion")
    home.promote("digits", "production", {})
    other = pair.other.open()
    pair.carry(home, other)
    shown = other.show("digits")
    assert (shown.aliases, shown.stages, shown.marks.pinned) == ([], [], False)


def test_what_expired_at_home_is_imported_as_it_was(pair: Pair, home: Registry) -> None:
    """Expiry is a registry's own affair; the status from before comes along, with its reason."""
    for number in (2, 3):
        pair.home.register(config={"a": number})
    home.archive("digits/1", "full")
    home.deprecate("digits/2", "drifts")
    for number in (1, 2):
        home.delete(f"digits/{number}")
    other = pair.other.open()
    pair.carry(home, other)
    found = [(one.status.value, one.marks.reason) for one in other.versions("digits")[::-1]]
    assert found == [("archived", "full"), ("deprecated", "drifts"), ("ready", None)]
    assert home.show("digits/1").status is VersionStatus.EXPIRED


EVENT = {"seq": 2, "at": "2026-01-01T00:00:00Z", "by": "eve", "model": "digits", "before": "d" * 64, "hash": "e" * 64}
WRONG = {
    "no registry": {"registry": "me"},
    "a model that is a path": {"model": "../x"},
    "a place before the first": {"seq": 0},
    "a hash that is none": {"hash": "e"},
    "a hash before it that is none": {"before": "e"},
    "a time without zone": {"at": "2026-01-01T00:00:00"},
    "a time that has no other in UTC": {"at": "9999-12-31T23:59:59-01:00"},
    "a time before every calendar": {"at": "0001-01-01T00:00:00+01:00"},
    "a time that one database does not know": {"at": "0999-01-01T00:00:00Z"},
    "facts that are no mapping": {"facts": []},
    "a kind that is no text": {"kind": 1},
    "more than there is": {"more": 1},
}


@pytest.mark.parametrize("kind", WRONG)
def test_events_of_another_shape_are_refused(kind: str, pair: Pair, home: Registry, other: Registry) -> None:
    """With the field, and nothing is written."""
    event = EVENT | {"registry": identity_of(home, "digits").registry, "kind": "tagged", "facts": {}} | WRONG[kind]
    evil = pair.evil(home, lambda version: version["events"].append(event))
    before = other.history("digits")
    with pytest.raises(ArchiveError, match=r"versions\.0\.events\.1"):
        other.import_archive(evil)
    assert other.history("digits") == before


def made_up(registry: str, at: datetime, before: str, seq: int = 2, **changes: Any) -> dict[str, Any]:
    """An event with the hash that follows from what it says."""
    facts = {"tag": "a", "value": "b"}
    found = event_hash(before, "digits", seq, at, "eve", "tagged", "1.0.0", canonical(facts))
    event = {"registry": registry, "model": "digits", "seq": seq, "at": at.isoformat(), "by": "eve", "kind": "tagged"}
    return event | {"facts": facts, "before": before, "hash": found} | changes


def test_made_up_events_are_refused(pair: Pair, home: Registry) -> None:
    """With another hash, of another log, out of order, or in the future; and a fitting one is taken for what it is."""
    uid, head = identity_of(home, "digits").registry, home.history("digits")[0].hash
    strange = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    now = datetime.now(UTC)
    wrong = {
        "hash": made_up(uid, now, head, hash="e" * 64),
        "facts": made_up(uid, now, head, facts={"tag": "a", "value": "c"}),
        "who": made_up(uid, now, head, by="ada"),
        "chain": made_up(uid, now, "d" * 64),
        "order": made_up(uid, now, "", seq=1),
        "log": made_up(strange, now, head),
        "future": made_up(uid, now + timedelta(days=3), head),
        "year 9999": made_up(uid, datetime(9999, 12, 31, tzinfo=UTC), head),
    }
    other = pair.other.open()
    taken = []
    for name, event in wrong.items():
        evil = pair.evil(home, lambda version, event=event: version["events"].append(event))  # type: ignore[misc]
        try:
            other.import_archive(evil)
            taken.append(name)
        except ArchiveError:
            assert other.models() == []
    assert taken == []
    fitting = made_up(uid, now, head)
    evil = pair.evil(home, lambda version: version["events"].append(fitting))
    assert [one.outcome for one in other.import_archive(evil)] == ["imported"]
    assert other.show("digits").tags == {}
    assert kinds(other) == ["imported"]


@pytest.mark.parametrize("place", ["created_at", "export", "signature"])
def test_a_time_in_the_future_is_refused(place: str, pair: Pair, home: Registry) -> None:
    """A version from the year 9999 would be young for ever; a clock that is a few hours ahead is none of that."""
    home.record_export("digits", "onnx", None, passed=True)
    sign(home, "digits", "aa")

    def at(time: datetime) -> Callable[[dict[str, Any]], None]:
        def change(version: dict[str, Any]) -> None:
            target = {"export": version["exports"][0], "signature": version["signatures"][0]}.get(place, version)
            target["created_at"] = time.isoformat()

        return change

    other = pair.other.open()
    with pytest.raises(ArchiveError, match="9999-12-31"):
        other.import_archive(pair.evil(home, at(datetime(9999, 12, 31, tzinfo=UTC))))
    assert other.models() == []
    made = other.import_archive(pair.evil(home, at(datetime.now(UTC) + timedelta(hours=12))))
    assert [one.outcome for one in made] == ["imported"]


def test_a_version_of_this_registry_that_it_does_not_have_is_refused(pair: Pair, home: Registry) -> None:
    """Anybody can write its uid; what it has made is in its rows."""
    uid = identity_of(home, "digits").registry

    def change(version: dict[str, Any]) -> None:
        version["who"] |= {"version": "1.0.1", "number": 2}
        version["events"] = []

    with pytest.raises(ArchiveError, match=uid):
        home.import_archive(pair.evil(home, change))
    assert [one.version for one in home.versions("digits")] == ["1.0.0"]


def test_an_archive_of_the_first_form_is_imported_without_its_events(pair: Pair, home: Registry) -> None:
    """Its events have no hash that can be verified."""
    home.tag("digits", "team", "vision")

    def change(manifest: dict[str, Any]) -> None:
        manifest["form"] = 1
        for event in manifest["versions"][0]["events"]:
            del event["before"]

    home.export_archive(None, pair.folder / "new.tar")
    other = pair.other.open()
    other.import_archive(changed(pair.folder / "new.tar", pair.folder / "old.tar", change))
    assert other.show("digits").tags == {"team": "vision"}
    assert archived(other, pair.folder / "told.tar").events == []
    assert kinds(other) == ["imported"]
