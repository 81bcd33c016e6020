"""Two registries that take in each other's archives say the same of every version, whichever way round."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from regtrain_registry import ParentLink, Registry, Relation
from regtrain_registry.domain.identities import name_elsewhere
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import ArchiveError, VersionNotFoundError
from support.registry.archive_files import archived, changed, identity_of, refs_of, said, sign, sound
from support.registry.places import make_place


class Pair:
    """Two registries, and archives on their way between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.home, self.other = make_place(folder / "home"), make_place(folder / "other")

    def carry(self, source: Registry, target: Registry) -> list[str]:
        """Everything from one to the other; what became of each version."""
        self.count += 1
        file = self.folder / f"{self.count}.tar"
        source.export_archive(None, file)
        return [one.outcome for one in target.import_archive(file)]

    def said(self, registry: Registry) -> list[dict[str, Any]]:
        """What it says of every version."""
        return said(registry, self.folder / "said.tar")


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
    """That has taken it in."""
    registry = pair.other.open(who="bob")
    assert pair.carry(home, registry) == ["imported"]
    return registry


def kinds(registry: Registry, ref: str = "digits/1") -> list[str]:
    """What its own line says was done to a version, from the first on."""
    return [event.kind.value for event in registry.history(ref)][::-1]


def test_what_is_said_later_arrives_with_a_second_archive(pair: Pair, home: Registry, other: Registry) -> None:
    """Tags, description, deprecation and archiving, one way and back; and an archive that says nothing new writes nothing."""
    home.tag("digits", "team", "vision")
    home.describe("digits", "for the demo")
    home.deprecate("digits", "drifts")
    other.tag("digits", "stage", "test")
    assert pair.carry(home, other) == ["merged"]
    assert pair.carry(other, home) == ["merged"]
    for registry in (home, other):
        shown = registry.show("digits/1")
        assert (shown.status.value, shown.marks.reason, shown.summary) == ("deprecated", "drifts", "for the demo")
        assert shown.tags == {"team": "vision", "stage": "test"}
    assert pair.said(home) == pair.said(other)
    assert kinds(other) == ["imported", "tagged", "merged"]
    assert kinds(home) == ["registered", "tagged", "described", "deprecated", "merged"]
    before = home.history("digits"), other.history("digits")
    for _ in range(2):
        assert pair.carry(home, other) == pair.carry(other, home) == ["known"]
    assert (home.history("digits"), other.history("digits")) == before
    sound(home, other)


def test_the_last_word_counts_whoever_spoke_it(pair: Pair, home: Registry, other: Registry) -> None:
    """Of a tag: another value, or that it was taken away; of a description and a deprecation the last one."""
    for name in ("a", "b", "c"):
        home.tag("digits", name, "home")
    pair.carry(home, other)
    other.untag("digits", "a")
    other.tag("digits", "b", "other")
    home.tag("digits", "b", "home again")
    home.untag("digits", "c")
    other.tag("digits", "c", "other")
    other.describe("digits", "other")
    home.describe("digits", "home")
    home.deprecate("digits", "home")
    other.deprecate("digits", "other")
    pair.carry(home, other)
    pair.carry(other, home)
    for registry in (home, other):
        shown = registry.show("digits/1")
        assert shown.tags == {"b": "home again", "c": "other"}
        assert (shown.summary, shown.marks.reason) == ("home", "other")
    assert pair.said(home) == pair.said(other)
    sound(home, other)


def test_an_older_archive_takes_nothing_back(pair: Pair, home: Registry, other: Registry, tmp_path: Path) -> None:
    """It is a state that is merged, not one that replaces."""
    home.tag("digits", "a", "1")
    home.export_archive(None, tmp_path / "old.tar")
    home.tag("digits", "a", "2")
    home.archive("digits/1", "full")
    pair.carry(home, other)
    assert [one.outcome for one in other.import_archive(tmp_path / "old.tar")] == ["known"]
    assert (other.show("digits/1").tags, other.show("digits/1").status.value) == ({"a": "2"}, "archived")
    home.restore("digits/1")
    pair.carry(home, other)
    assert other.show("digits").status is VersionStatus.READY


def test_it_arrives_by_way_of_a_third_registry(pair: Pair, home: Registry, other: Registry, tmp_path: Path) -> None:
    """What was done elsewhere is passed on, with the registry and the place where it stands."""
    third = make_place(tmp_path / "third").open(who="eve")
    pair.carry(other, third)
    third.tag("digits", "by", "eve")
    third.archive("digits/1", "full")
    pair.carry(third, other)
    assert pair.carry(other, home) == ["merged"]
    assert (home.show("digits/1").tags, home.show("digits/1").marks.reason) == ({"by": "eve"}, "full")
    told = archived(home, tmp_path / "told.tar").events
    assert [event.kind for event in told] == ["registered", "tagged", "archived"]
    assert [event.by for event in told[1:]] == ["eve", "eve"]
    assert len({event.registry for event in told}) == 2
    assert pair.said(home) == pair.said(other) == pair.said(third)
    sound(home, other, third)


@pytest.mark.parametrize("gone", ["expired", "collected"])
def test_what_is_gone_here_stays_gone_and_comes_back_as_what_was_said(
    gone: str, pair: Pair, home: Registry, other: Registry
) -> None:
    """That its files went is the registry's own affair; restored, or with its files again, it is what everybody says."""
    pair.other.register(config={"another": "one"})
    other.delete("digits/1")
    if gone == "collected":
        other.gc(timedelta(), confirmed=True)
    home.archive("digits/1", "full")
    home.tag("digits/1", "team", "vision")
    if gone == "collected":
        assert pair.carry(home, other) == ["files restored"]
        assert kinds(other)[-3:] == ["collected", "merged", "restored"]
    else:
        assert pair.carry(home, other) == ["merged"]
        assert other.show("digits/1").status is VersionStatus.EXPIRED
        assert other.show("digits/1").tags == {"team": "vision"}
        other.restore("digits/1")
    shown = other.show("digits/1")
    assert (shown.status, shown.marks.reason) == (VersionStatus.ARCHIVED, "full")
    assert shown.tags == {"team": "vision"}
    pair.carry(other, home)
    assert home.show("digits/1").status is VersionStatus.ARCHIVED
    sound(home, other)


def test_what_was_said_before_there_was_a_history_travels_too(pair: Pair, home: Registry) -> None:
    """As the rows of an older schema say it, until somebody says otherwise; also of what expired since."""
    for number in (2, 3):
        pair.home.register(config={"a": number})
    pair.home.execute(
        "UPDATE rt_versions SET status = 'archived', summary = 'old' WHERE number = 1",
        "UPDATE rt_versions SET status = 'deprecated' WHERE number = 2",
        "INSERT INTO rt_tags (version_id, name, value) SELECT id, 'team', 'vision' FROM rt_versions WHERE number = 1",
    )
    home.delete("digits/1")
    other = pair.other.open()
    pair.carry(home, other)
    first = other.show("digits/1")
    assert (first.status, first.summary, first.tags) == (VersionStatus.ARCHIVED, "old", {"team": "vision"})
    assert (other.show("digits/2").status, other.show("digits/2").marks.reason) == (VersionStatus.DEPRECATED, "")
    other.restore("digits/1")
    other.tag("digits/1", "by", "bob")
    assert pair.carry(other, home) == ["merged", "known", "known"]
    assert home.restore("digits/1").status is VersionStatus.READY
    assert pair.carry(home, other) == ["merged", "known", "known"]
    assert pair.said(home) == pair.said(other)


def test_what_expired_elsewhere_does_not_expire_here(pair: Pair, home: Registry, other: Registry) -> None:
    """Neither where it is known nor where it arrives: there it is what was said of it."""
    pair.home.register(config={"another": "one"})
    home.deprecate("digits/1", "drifts")
    home.delete("digits/1")
    assert pair.carry(home, other) == ["merged", "imported"]
    third = make_place(pair.folder / "third").open()
    pair.carry(home, third)
    for registry in (other, third):
        assert registry.show("digits/1").status is VersionStatus.DEPRECATED
    assert home.show("digits/1").status is VersionStatus.EXPIRED
    assert pair.said(home) == pair.said(other) == pair.said(third)


def test_what_came_without_files_is_told_apart_from_what_is_said(pair: Pair, home: Registry, tmp_path: Path) -> None:
    """Its row says that it has none; with its files it is what everybody says, and its exports have theirs."""
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
    pair.carry(other, home)
    assert pair.carry(home, other) == ["files restored", "known"]
    assert other.show("digits/1").status is VersionStatus.ARCHIVED
    assert [one.digest is None for one in other.show("digits/1").exports] == [True, False]
    pair.carry(other, home)
    assert pair.said(home) == pair.said(other)
    sound(home, other)


def test_of_each_format_the_newest_export_counts(pair: Pair, home: Registry, other: Registry) -> None:
    """Its file comes along; what it takes the place of does not come back."""
    model = pair.folder / "model"
    for registry, content, passed in ((home, b"first", True), (other, b"second", False)):
        model.write_bytes(content)
        registry.record_export("digits", "onnx", model, passed=passed, report={"difference": 0.5})
    model.write_bytes(b"third")
    home.record_export("digits", "torchscript", model, passed=True)
    assert pair.carry(home, other) == pair.carry(other, home) == ["merged"]
    for registry in (home, other):
        assert [(one.format, one.passed) for one in registry.show("digits").exports] == [
            ("onnx", False),
            ("torchscript", True),
        ]
        assert registry.show("digits").exports[0].report == {"difference": 0.5}
    assert pair.said(home) == pair.said(other)
    assert pair.carry(home, other) == pair.carry(other, home) == ["known"]
    sound(home, other)


def test_an_export_whose_file_is_gone_does_not_stop_the_next_archive(
    pair: Pair, home: Registry, other: Registry
) -> None:
    """Files come back with an archive that does not hold the export: that it passed is known, its file is not there."""
    pair.other.register(config={"another": "one"})
    model = pair.folder / "model"
    model.write_bytes(b"as ONNX")
    other.record_export("digits/1", "onnx", model, passed=True)
    other.delete("digits/1")
    other.gc(timedelta(), confirmed=True)
    assert pair.carry(home, other) == ["files restored"]
    (export,) = other.show("digits/1").exports
    assert (export.passed, export.digest) == (True, None)
    assert pair.carry(other, home) == ["merged", "imported"]
    assert pair.said(home) == pair.said(other)
    sound(home, other)


def test_signatures_come_together(pair: Pair, home: Registry, other: Registry) -> None:
    """By whichever key, on whichever side; where both have one by the same key each keeps its own."""
    for registry, key in ((home, "aa"), (other, "bb")):
        sign(registry, "digits", key)
    assert pair.carry(home, other) == pair.carry(other, home) == ["merged"]
    for registry in (home, other):
        assert [one.key_id for one in archived(registry, pair.folder / "a.tar").signatures] == ["aa", "bb"]
    assert pair.said(home) == pair.said(other)


def test_a_successor_is_who_it_is_whatever_it_is_called(pair: Pair, home: Registry) -> None:
    """Known before it is here, and then by its name here; retention keeps it by that."""
    other = pair.other.open()
    pair.other.register(config={"ours": 1})
    pair.carry(home, other)
    pair.home.register(config={"width": 2})
    home.deprecate("digits/1", "too small", "digits/2")
    old = refs_of(other)[identity_of(home, "digits/1")]
    home.export_archive(["digits/1"], pair.folder / "old.tar")
    assert [one.outcome for one in other.import_archive(pair.folder / "old.tar")] == ["merged"]
    new = identity_of(home, "digits/2")
    pending = other.show(old).marks.successor
    assert pending == f"digits@{name_elsewhere(new)}"
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
        name = f"digits@{name_elsewhere(who)}"
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


def test_pins_aliases_stages_and_policies_stay_where_they_are(pair: Pair, home: Registry, other: Registry) -> None:
    """They are a registry's own."""
    home.pin("digits")
    home.set_alias("digits", "champion")
    home.promote("digits", "production", {})
    assert pair.carry(home, other) == ["merged"]  # what was done is told
    shown = other.show("digits")
    assert (shown.aliases, shown.stages, shown.marks.pinned) == ([], [], False)


EVENT = {"seq": 1, "at": "2026-01-01T00:00:00Z", "by": "eve", "model": "digits", "hash": "e" * 64}
WRONG = {
    "no registry": {"registry": "me"},
    "a model that is a path": {"model": "../x"},
    "a place before the first": {"seq": 0},
    "a hash that is none": {"hash": "e"},
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
    evil = archive_with(pair, home, event)
    before = other.history("digits")
    with pytest.raises(ArchiveError, match=r"versions\.0\.events\.1"):
        other.import_archive(evil)
    assert other.history("digits") == before


def archive_with(pair: Pair, registry: Registry, *more: dict[str, Any]) -> Path:
    """An archive of a registry, to which somebody added events."""
    good, evil = pair.folder / "good.tar", pair.folder / "evil.tar"
    for file in (good, evil):
        file.unlink(missing_ok=True)
    registry.export_archive(None, good)

    def change(manifest: dict[str, Any]) -> None:
        manifest["versions"][0]["events"] += more

    return changed(good, evil, change)


def test_what_a_stranger_says_of_a_version_harms_nothing(pair: Pair, home: Registry, other: Registry) -> None:
    """Facts of any shape, kinds that nobody knows, times at both ends, long texts, and events that hold events."""
    facts: list[tuple[str, dict[str, Any]]] = [
        ("tagged", {"tag": "a b", "value": "1"}),
        ("tagged", {"tag": ["a"], "value": {}}),
        ("tagged", {"tag": "long", "value": "x" * 256}),
        ("untagged", {}),
        ("described", {"text": 7}),
        ("deprecated", {"reason": None, "successor_home": {"registry": []}}),
        ("restored", {"from": ["archived"]}),
        ("levitated", {"height": 1e308, "by": [[[[{}]]]]}),
        ("imported", {"events": [{"kind": "archived"}], "home": 1}),
        ("merged", {"events": "none"}),
        ("tagged", {"tag": "good", "value": "zero \0 byte"}),
        ("described", {"text": "y" * 2_000_000}),
    ]
    times = ("1000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")
    more = [
        EVENT | {"registry": str(other_uid), "seq": n + 1, "at": times[n % 2], "kind": kind, "facts": fact, "hash": f"{n:064x}"}
        for n, (kind, fact) in enumerate(facts)
        for other_uid in ["aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]
    ]  # fmt: skip
    evil = archive_with(pair, home, *more, *more)
    third = make_place(pair.folder / "third").open()
    assert [one.outcome for one in other.import_archive(evil)] == ["merged"]
    assert [one.outcome for one in third.import_archive(evil)] == ["imported"]
    for registry in (other, third):
        shown = registry.show("digits")
        assert (shown.status, shown.tags) == (VersionStatus.READY, {"good": "zero � byte"})
        assert len(shown.summary) == 2_000_000
        assert [one.outcome for one in registry.import_archive(evil)] == ["known"]
        told = {event.kind for event in archived(registry, pair.folder / "told.tar").events}
        assert "levitated" in told
        assert not told & {"imported", "merged"}
    assert pair.said(other) == pair.said(third)
    pair.carry(other, home)
    assert pair.said(home) == pair.said(other)
    sound(home, other, third)
