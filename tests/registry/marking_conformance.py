"""What holds in any database for what is said of versions: aliases, stages, tags, status, and their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from regtrain_registry import ParentLink, Registration, Registry, Relation, VersionDetail, VersionStatus
from regtrain_registry.errors import (
    AliasNotFoundError,
    NameNotAllowedError,
    PolicyError,
    PromotionRefusedError,
    StageGuardedError,
    StatusError,
    TagNotFoundError,
    TextTooLongError,
    VersionCollectedError,
    VersionNotFoundError,
)
from regtrain_registry.ops.event_log import broken_chains
from regtrain_registry.store.blob import SourceFile, Stored
from support.registry.places import Place

TAMPERING = {
    "another fact": "UPDATE rt_events SET facts = '{}' WHERE seq = 3",
    "another time": "UPDATE rt_events SET at = '2020-01-01 00:00:00' WHERE seq = 3",
    "another person": "UPDATE rt_events SET who = 'eve' WHERE seq = 3",
    "one is gone": "DELETE FROM rt_events WHERE seq = 3",
    "the last is gone": "DELETE FROM rt_events WHERE seq = 6",
    "two are changed": "UPDATE rt_events SET facts = '[]' WHERE seq IN (3, 4)",
    "another hash": "UPDATE rt_events SET hash = 'f00d' WHERE seq = 3",
    "one too many": (
        "INSERT INTO rt_events (model_id, seq, at, who, kind, version, hash, facts)"
        " SELECT model_id, 7, at, who, kind, version, hash, facts FROM rt_events WHERE seq = 6"
    ),
}
GATES: dict[str, Any] = {
    "require": {"val/accuracy": ">= 0.8", "val_loss": "< 1"},
    "better_than_current": ["val/accuracy"],
    "exports": ["onnx"],
}


def measured(place: Place, accuracy: float, loss: float = 0.5, **fields: Any) -> str:
    return place.register(metrics={"val/accuracy": accuracy, "val/loss": loss}, **fields).ref


def exported(place: Place, ref: str, passed: bool = True) -> None:
    """As an exporter records it."""
    exported_by(place.open(), place, ref, passed)


def exported_by(registry: Registry, place: Place, ref: str, passed: bool = True) -> None:
    file = place.folder / "model.onnx"
    file.write_bytes(f"{ref} as ONNX".encode())
    registry.record_export(ref, "onnx", file, passed=passed, report={"largest_difference": 1e-7})


class MarkingConformance:
    """One behaviour of everything that is said of versions."""

    def test_every_change_is_an_event(self, place: Place) -> None:
        """Who, when, from what to what; newest first; the chain holds."""
        registry = place.open(who="ada")
        for _ in range(2):
            place.register()
        registry.set_alias("digits/1", "champion")
        registry.set_alias("digits/2", "champion")
        registry.set_alias("digits/2", "champion")
        registry.remove_alias("digits", "champion")
        registry.tag("digits", "team", "vision")
        registry.tag("digits", "team", "audio")
        registry.untag("digits", "team")
        registry.describe("digits", "for the demo")
        registry.pin("digits")
        registry.pin("digits", False)
        registry.deprecate("digits/1", "drifts", "digits/2")
        registry.archive("digits/1")
        found = registry.history("digits")[::-1]
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        assert [(event.kind.value, event.version) for event in found] == [
            ("registered", "1.0.0"),
            ("registered", "1.0.1"),
            ("alias_set", "1.0.0"),
            ("alias_set", "1.0.1"),
            ("alias_removed", "1.0.1"),
            ("tagged", "1.0.1"),
            ("tagged", "1.0.1"),
            ("untagged", "1.0.1"),
            ("described", "1.0.1"),
            ("pinned", "1.0.1"),
            ("unpinned", "1.0.1"),
            ("deprecated", "1.0.0"),
            ("archived", "1.0.0"),
        ]
        assert found[3].facts == {"alias": "champion", "before": "1.0.0"}
        assert found[6].facts == {"tag": "team", "value": "audio", "before": "vision"}
        home = found[11].facts.pop("successor_home")
        assert (home["model"], home["version"], home["number"]) == ("digits", "1.0.1", 2)
        assert found[11].facts == {"reason": "drifts", "successor": "digits@1.0.1"}
        assert {event.who for event in found[2:]} == {"ada"}
        assert [event.seq for event in registry.history("digits@1.0.0")] == [13, 12, 3, 1]
        assert [event.seq for event in registry.history("digits/2", limit=2)] == [11, 10]
        assert registry._database.read(broken_chains) == []

    @pytest.mark.parametrize("how", TAMPERING)
    def test_the_chain_shows_what_was_changed_behind_its_back(self, place: Place, how: str) -> None:
        """A changed, lost, added or moved event is found, and the first wrong one named."""
        registry = place.open()
        for _ in range(6):
            place.register()
        place.register("other")
        assert registry._database.read(broken_chains) == []
        place.execute(TAMPERING[how])
        first = {"the last is gone": 6, "one too many": 7}.get(how, 3)
        assert registry._database.read(broken_chains) == [("digits", first)]

    def test_what_is_said_is_shown(self, place: Place) -> None:
        """Tags, description, pin, deprecation with its successor."""
        registry = place.open()
        for _ in range(2):
            place.register()
        registry.tag("digits/1", "data/source", "camera 7")
        registry.tag("digits/1", "a", "")
        registry.describe("digits/1", "naïve 𝕭")
        registry.pin("digits/1")
        shown = registry.deprecate("digits/1", "drifts", "digits@latest")
        assert (shown.tags, shown.summary) == ({"a": "", "data/source": "camera 7"}, "naïve 𝕭")
        assert (shown.status, shown.marks.pinned, shown.marks.reason) == (VersionStatus.DEPRECATED, True, "drifts")
        assert shown.marks.successor == "digits@1.0.1"
        assert shown.marks.since is not None
        assert registry.versions("digits")[1].to_json() == {k: v for k, v in shown.to_json().items() if k != "config"}
        assert registry.versions("digits")[0].marks.pinned is False

    def test_a_status_decides_what_is_offered(self, place: Place) -> None:
        """Deprecated versions are still the latest; archived ones are found by version, number and alias only."""
        registry = place.open()
        for _ in range(2):
            place.register()
        registry.deprecate("digits/2", "drifts")
        assert registry.resolve("digits").number == registry.resolve("digits@^1").number == 2
        registry.set_alias("digits/2", "old")
        registry.archive("digits/2", "superseded")
        assert registry.resolve("digits").number == registry.resolve("digits@^1").number == 1
        assert {registry.resolve(ref).number for ref in ("digits/2", "digits@1.0.1", "digits@old")} == {2}
        assert registry.models()[0].latest.number == 1  # type: ignore[union-attr]
        with pytest.raises(StatusError, match="archived"):
            registry.deprecate("digits/2", "again")

    def test_bad_words_are_refused(self, place: Place) -> None:
        """Names of tags and aliases by their rule, values by their length; nothing is recorded."""
        registry = place.open()
        place.register()
        for name in ("", "../x", "a b", "-a", "a/", "é", "a" * 65, "a\n"):
            with pytest.raises(NameNotAllowedError):
                registry.tag("digits", name, "x")
        with pytest.raises(TextTooLongError):
            registry.tag("digits", "team", "x" * 256)
        with pytest.raises(TagNotFoundError, match="team"):
            registry.untag("digits", "team")
        with pytest.raises(AliasNotFoundError):
            registry.remove_alias("digits", "champion")
        with pytest.raises(VersionNotFoundError):
            registry.deprecate("digits", "drifts", "digits/9")
        assert len(registry.history("digits")) == 1

    def test_a_stage_moves_through_its_gates(self, place: Place) -> None:
        """Each gate that does not hold is named with what was found; the evidence of a promotion is kept."""
        registry = place.open()
        first, second = measured(place, 0.9), measured(place, 0.85)
        with pytest.raises(PromotionRefusedError) as caught:
            registry.promote(first, "production", GATES)
        assert caught.value.exit_code == 1
        assert caught.value.message == f"{first} may not be production: export to onnx passed: none"
        exported(place, first, passed=False)
        with pytest.raises(PromotionRefusedError, match="failed"):
            registry.promote(first, "production", GATES)
        for ref in (first, second):
            exported(place, ref)
        made, evidence = registry.promote(first, "production", GATES)
        assert (made.stages, made.aliases, registry.resolve("digits@production").ref) == (["production"], [], first)
        assert all(one.passed for one in evidence)
        with pytest.raises(PromotionRefusedError, match=r"0\.85 against 0\.9 \(max\)"):
            registry.promote(second, "production", GATES)
        assert registry.resolve("digits@production").ref == first
        registry.promote(second, "production", {"require": {"val/accuracy": ">0.8"}})
        event = registry.history("digits", 1)[0]
        assert (event.kind.value, event.facts["stage"], event.facts["before"]) == ("promoted", "production", "1.0.0")
        assert {one["gate"]: one["passed"] for one in event.facts["evidence"]}["val/accuracy > 0.8"] is True
        assert registry.models()[0].stages == {"production": "1.0.1"}

    @pytest.mark.parametrize(
        ("metrics", "gates"),
        [
            ({}, {"require": {"val/loss": "< 1"}}),
            ({"val/loss": float("nan")}, {"require": {"val/loss": "< 1"}}),
            ({"val/loss": 1}, {"require": {"val/loss": "< 1"}}),
            ({"val/loss": 0.5}, {"signed": True}),
        ],
    )
    def test_what_was_not_shown_does_not_pass(self, place: Place, metrics: Any, gates: Any) -> None:
        """A metric that is missing, no number or at its bound, a signature that is not there."""
        place.register(metrics=metrics)
        with pytest.raises(PromotionRefusedError):
            place.open().promote("digits", "production", gates)
        assert place.count("rt_aliases") == 0

    def test_nothing_passes_that_comes_from_a_deprecated_version(self, place: Place) -> None:
        """However many generations lie between, unless the gates let it; nor does a deprecated version itself."""
        registry = place.open()
        refs = [measured(place, 0.9)]
        for _ in range(2):
            refs.append(measured(place, 0.9, parents=(ParentLink(refs[-1], Relation.RESUMED_FROM),)))
        registry.deprecate(refs[0], "bad labels")
        with pytest.raises(PromotionRefusedError, match=f"no ancestor is deprecated: {refs[0]}"):
            registry.promote(refs[2], "production")
        registry.promote(refs[2], "production", {"deprecated_parents": True})
        with pytest.raises(PromotionRefusedError, match="the version is ready: deprecated"):
            registry.promote(refs[0], "staging", {"deprecated_parents": True})

    def test_a_veto_stops_a_promotion(self, place: Place) -> None:
        """Who is asked sees the version and the stage; what it raises comes through, and nothing moved."""
        place.register()
        asked = []

        def veto(version: VersionDetail, stage: str) -> list[str]:
            asked.append((version.ref, stage))
            raise PermissionError("not on a Friday")

        with pytest.raises(PermissionError):
            place.open().promote("digits", "production", veto=veto)
        assert asked == [("digits@1.0.0", "production")]
        assert place.count("rt_aliases") == 0

    def test_an_export_is_kept_with_its_proof(self, place: Place) -> None:
        """The file is in the store and counts as needed; another proof replaces it; what is gone takes none."""
        registry = place.open()
        ref = place.register().ref
        place.register()
        exported(place, ref, passed=False)
        assert [one.passed for one in registry.show(ref).exports] == [False]
        exported(place, ref)
        shown = registry.show(ref).exports
        assert [(one.format, one.passed, one.report) for one in shown] == [("onnx", True, {"largest_difference": 1e-7})]
        assert [event.kind.value for event in registry.history(ref, 2)] == ["exported", "exported"]
        report = registry.fsck(read_data=True)
        assert (report.ok, report.garbage, registry.gc(timedelta(0)).count("trash")) == (True, 0, 0)
        with pytest.raises(NameNotAllowedError):
            registry.record_export(ref, "../onnx", None, passed=True)
        registry.delete(ref)
        with pytest.raises(StatusError):
            registry.record_export(ref, "onnx", place.weights(b"another").path, passed=True)
        assert registry.fsck().garbage == 0

    def test_a_version_that_goes_while_its_export_is_stored_takes_none(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is looked at again where its export is written."""
        registry, other = place.open(), place.open()
        ref = place.register().ref
        place.register()
        put = registry._store.put

        def stored_meanwhile(files: Sequence[SourceFile]) -> list[Stored]:
            other.delete(ref)
            return put(files)

        monkeypatch.setattr(registry._store, "put", stored_meanwhile)
        with pytest.raises(StatusError):
            exported_by(registry, place, ref)
        assert registry.show(ref).exports == []

    def test_a_stage_is_no_alias(self, place: Place) -> None:
        """A stage moves by promotion alone, and an alias is not promoted to; either can be taken away."""
        registry = place.open()
        for _ in range(2):
            place.register()
        registry.promote("digits/1", "production")
        with pytest.raises(StageGuardedError, match="production"):
            registry.set_alias("digits/2", "production")
        registry.set_alias("digits/2", "champion")
        with pytest.raises(StatusError, match="champion"):
            registry.promote("digits/1", "champion")
        registry.remove_alias("digits", "production")
        assert [event.kind.value for event in registry.history("digits", 2)] == ["demoted", "alias_set"]
        assert registry.show("digits/1").stages == []

    def test_a_deprecation_is_never_forgotten(self, place: Place) -> None:
        """Whatever became of the version since, its children do not pass; restored, it is deprecated again."""
        registry = place.open()
        first, after = measured(place, 0.9), measured(place, 0.9)
        child = measured(place, 0.9, parents=(ParentLink(first, Relation.RESUMED_FROM),))
        registry.deprecate(first, "bad labels", after)
        registry.archive(first, "tidy")
        for status in ("archived", "expired", "collected"):
            place.execute(f"UPDATE rt_versions SET status = '{status}' WHERE number = 1")
            with pytest.raises(PromotionRefusedError, match=f"no ancestor is deprecated: {first}"):
                registry.promote(child, "production")
        place.execute(
            "UPDATE rt_versions SET status = 'expired' WHERE number = 1",
            "UPDATE rt_marks SET status_before = 'archived', status_reason = 'no rule keeps it'",
        )
        assert registry.restore(first).status is VersionStatus.ARCHIVED
        shown = registry.restore(first)
        assert shown.status is VersionStatus.DEPRECATED
        assert (shown.marks.reason, shown.marks.successor) == ("bad labels", after)

    def test_nothing_new_names_what_is_gone(self, place: Place) -> None:
        """No alias, no successor for what expired or was collected; no pin for the latter; nobody succeeds itself."""
        registry = place.open()
        for _ in range(2):
            place.register()
        with pytest.raises(StatusError, match="own successor"):
            registry.deprecate("digits/2", "drifts", "digits@latest")
        for status, error in (("expired", StatusError), ("collected", VersionCollectedError)):
            place.execute(f"UPDATE rt_versions SET status = '{status}' WHERE number = 1")
            with pytest.raises(error):
                registry.set_alias("digits/1", "champion")
            with pytest.raises(error):
                registry.deprecate("digits/2", "drifts", "digits/1")
        with pytest.raises(VersionCollectedError, match=r"digits@1\.0\.0 was collected"):
            registry.pin("digits/1")
        assert registry.pin("digits/1", False).marks.pinned is False
        assert [event.kind.value for event in registry.history("digits")] == ["unpinned", "registered", "registered"]

    def test_tags_come_together_or_not_at_all(self, place: Place) -> None:
        """A bad name among them, or one to remove that is not there: nothing is written."""
        registry = place.open()
        place.register()
        assert registry.set_tags("digits", {"a": "1", "b": "2"}, ["a"]).tags == {"b": "2"}
        for tags, remove in (({"c": "3", "b c": "2"}, ()), ({"c": "3"}, ("nowhere",))):
            with pytest.raises((NameNotAllowedError, TagNotFoundError)):
                registry.set_tags("digits", tags, remove)
        assert registry.show("digits").tags == {"b": "2"}
        assert [event.seq for event in registry.history("digits")] == [4, 3, 2, 1]
        assert registry._database.read(broken_chains) == []

    def test_a_reason_may_be_any_text(self, place: Place) -> None:
        """Also bytes that are no UTF-8, as a command line hands them on."""
        place.register()
        assert str(place.open().archive("digits", "caf\udce9").marks.reason).startswith("caf")

    def test_both_are_named_that_lack_a_metric(self, place: Place) -> None:
        """The version that is to be better, and the one that it is compared with."""
        registry = place.open()
        for _ in range(2):
            place.register(metrics={})
        registry.promote("digits/1", "production")
        with pytest.raises(PromotionRefusedError, match=r"not measured of digits@1\.0\.1 and digits@1\.0\.0"):
            registry.promote("digits/2", "production", {"better_than_current": ["val/loss"]})

    @pytest.mark.parametrize(
        "gates",
        [
            5,
            "x",
            ["signed"],
            {"requires": {}},
            {"require": ["val/loss"]},
            {"require": {"val/loss": "about 1"}},
            {"require": {"val/loss": "< nan"}},
            {"better_than_current": {"val/loss": "up"}},
            {"exports": 7},
            {"signed": "yes"},
        ],
    )
    def test_gates_that_mean_nothing_are_refused(self, place: Place, gates: Any) -> None:
        """Exit code 2, naming the stage; nothing moved."""
        place.register()
        with pytest.raises(PolicyError, match=r"stages\.production"):
            place.open().promote("digits", "production", gates)
        assert place.count("rt_aliases") == 0

    def test_marks_wait_for_each_other(self, place: Place, registry: Registry) -> None:
        """Events of one model have numbers without gap, whoever writes."""
        from concurrent.futures import ThreadPoolExecutor

        place.register()

        def write(worker: int) -> None:
            mine = place.open(who=f"w{worker}")
            for number in range(5):
                mine.tag("digits", f"t{worker}", str(number))
                mine.register(Registration("digits", ()))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert [event.seq for event in registry.history("digits")] == list(range(41, 0, -1))
        assert registry._database.read(broken_chains) == []
