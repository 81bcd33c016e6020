"""Input that a registry refuses on any database, and on every way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from regtrain_registry import FileToStore, ParentLink, Recipe, Registration, Registry, Relation, RunStart, VersionDetail
from regtrain_registry.errors import (
    ArgumentError,
    PolicyError,
    PromotionRefusedError,
    RegistryError,
    StageGuardedError,
    StatusError,
    VersionNotFoundError,
)
from regtrain_registry.validation import MAX_LIMIT
from support.registry.places import Place

GUARDED: dict[str, Any] = {"stages": {"production": {"require": {"val/accuracy": ">= 0.99"}}, "staging": {}}}
LISTS: dict[str, Callable[[Registry, Any], Any]] = {
    "models": lambda registry, limit: registry.models(limit=limit),
    "chosen models": lambda registry, limit: registry.models("name != ''", limit=limit),
    "versions": lambda registry, limit: registry.versions("digits", limit),
    "chosen versions": lambda registry, limit: registry.versions("digits", limit, order_by="number"),
    "search": lambda registry, limit: registry.search(limit=limit),
    "ordered search": lambda registry, limit: registry.search(order_by="metrics.acc", limit=limit),
    "runs": lambda registry, limit: registry.runs(limit),
    "chosen runs": lambda registry, limit: registry.runs(limit, filter="status = running"),
    "history": lambda registry, limit: registry.history("digits", limit),
}


def nested(levels: int) -> dict[str, Any]:
    """A config so many tables deep."""
    tree: dict[str, Any] = {"leaf": 1}
    for _ in range(levels - 1):
        tree = {"in": tree}
    return tree


WRONG: dict[str, Callable[[Registry], Any]] = {
    "a ref": lambda registry: registry.show(3),  # type: ignore[arg-type]
    "no ref": lambda registry: registry.lineage(None),  # type: ignore[arg-type]
    "a model": lambda registry: registry.versions(3),  # type: ignore[arg-type]
    "an alias": lambda registry: registry.set_alias("digits", 3),  # type: ignore[arg-type]
    "a stage": lambda registry: registry.promote("digits", None),  # type: ignore[arg-type]
    "a tag": lambda registry: registry.tag("digits", 3, "a"),  # type: ignore[arg-type]
    "a tag's value": lambda registry: registry.tag("digits", "a", 3),  # type: ignore[arg-type]
    "a tag to remove": lambda registry: registry.untag("digits", 3),  # type: ignore[arg-type]
    "tags": lambda registry: registry.set_tags("digits", 3),  # type: ignore[arg-type]
    "a run": lambda registry: registry.run(3),  # type: ignore[arg-type]
    "a run's id": lambda registry: registry.start_run(RunStart(3, "r", "/r")),  # type: ignore[arg-type]
    "a model to register": lambda registry: registry.register(Registration(3, ())),  # type: ignore[arg-type]
    "a key": lambda registry: registry.register(Registration("digits", (), idempotency_key=3)),  # type: ignore[arg-type]
    "a summary": lambda registry: registry.register(Registration("digits", (), summary=3)),  # type: ignore[arg-type]
    "an author": lambda registry: registry.register(Registration("digits", (), created_by=3)),  # type: ignore[arg-type]
    "metrics": lambda registry: registry.register(Registration("digits", (), metrics=3)),  # type: ignore[arg-type]
    "a config": lambda registry: registry.register(Registration("digits", (), config=3)),  # type: ignore[arg-type]
    "a description": lambda registry: registry.describe("digits", 3),  # type: ignore[arg-type]
    "a reason": lambda registry: registry.deprecate("digits", None),  # type: ignore[arg-type]
    "a reason to archive": lambda registry: registry.archive("digits", 3),  # type: ignore[arg-type]
    "a filter": lambda registry: registry.search(3),  # type: ignore[arg-type]
    "an order": lambda registry: registry.models(order_by=3),  # type: ignore[arg-type]
    "a digest": lambda registry: registry.trained_on(3),  # type: ignore[arg-type]
    "a status": lambda registry: registry.runs(status="done"),
    "a status beside a filter": lambda registry: registry.runs(status="done", filter="name != ''"),
    "a relation": lambda registry: registry.register(
        Registration("digits", (), parents=(ParentLink("digits/1", "stolen_from"),))  # type: ignore[arg-type]
    ),
    "a relation of a run": lambda registry: registry.start_run(
        RunStart("r", "r", "/r", inputs=(ParentLink("digits/1", "stolen_from"),))  # type: ignore[arg-type]
    ),
    "a bump": lambda registry: registry.register(Registration("digits", (), bump="huge")),  # type: ignore[arg-type]
    "a version": lambda registry: registry.register(Registration("digits", (), version=2)),  # type: ignore[arg-type]
    "a deep config": lambda registry: registry.register(Registration("digits", (), config=nested(3000))),
    "a deep recipe": lambda registry: registry.register(Registration("digits", (), recipe=Recipe(config=nested(33)))),
    "a run's deep config": lambda registry: registry.start_run(RunStart("r", "r", "/r", config=nested(3000))),
}


class InputConformance:
    """One answer to what cannot be meant."""

    def test_no_alias_takes_the_name_of_a_stage(self, place: Place) -> None:
        """Neither before anybody was promoted, nor after the stage was left, nor by an alias that was there first."""
        registry = place.open()
        for _ in range(2):
            place.register(metrics={"val/accuracy": 0.9})
        registry.set_alias("digits/1", "production")
        with pytest.raises(StageGuardedError, match="'production' is an alias of digits") as caught:
            registry.set_policy("digits", GUARDED)
        assert "models alias digits production --remove" in caught.value.hint
        assert registry.policy("digits") is None
        registry.remove_alias("digits", "production")
        registry.set_policy("digits", GUARDED)
        with pytest.raises(PromotionRefusedError):
            registry.promote("digits/2", "production")
        for name in ("production", "staging"):
            with pytest.raises(StageGuardedError, match=name):
                registry.set_alias("digits/2", name)
        registry.promote("digits/2", "staging")
        registry.set_policy("digits", GUARDED)
        registry.remove_alias("digits", "staging")
        with pytest.raises(StageGuardedError, match="staging"):
            registry.set_alias("digits/2", "staging")
        with pytest.raises(VersionNotFoundError):
            registry.show("digits@production")
        assert registry.set_alias("digits/2", "champion").aliases == ["champion"]
        registry.set_policy("digits", None)
        assert registry.set_alias("digits/2", "staging").aliases == ["champion", "staging"]

    def test_who_was_asked_about_is_who_is_promoted(self, place: Place) -> None:
        """A version that is registered while plugins are asked becomes the latest, and not what they let pass."""
        registry = place.open()
        place.register()
        asked = []

        def veto(version: VersionDetail, stage: str) -> list[str]:
            asked.append(version.ref)
            place.register()
            return ["the committee"]

        made, _ = registry.promote("digits@latest", "production", veto=veto)
        assert asked == [made.ref] == ["digits@1.0.0"]
        assert registry.show("digits@production").ref == "digits@1.0.0"
        assert registry.show("digits").stages == []

    def test_an_export_is_recorded_for_the_version_that_was_looked_at(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not for the one that is the latest by the time its file is stored."""
        registry = place.open()
        file = place.weights(b"as ONNX").path
        place.register()
        put = registry._store.put

        def stored_meanwhile(*arguments: Any) -> Any:
            place.register()
            return put(*arguments)

        monkeypatch.setattr(registry._store, "put", stored_meanwhile)
        assert registry.record_export("digits", "onnx", file, passed=True).ref == "digits@1.0.0"
        assert [len(one.exports) for one in registry.versions("digits")] == [0, 1]

    @pytest.mark.parametrize("listed", LISTS)
    def test_a_limit_is_a_number_that_a_list_can_have(self, place: Place, listed: str) -> None:
        """From 1 to the largest number of any database; else bad input, which says so."""
        registry = place.open()
        place.register()
        registry.start_run(RunStart("r", "r", "/r"))
        for limit in (1, MAX_LIMIT, None):
            assert len(LISTS[listed](registry, limit)) == 1
        for wrong in (0, -1, MAX_LIMIT + 1, 10**5000, 1.5, "3", True):
            with pytest.raises(ArgumentError, match="limit is") as caught:
                LISTS[listed](registry, wrong)
            assert (caught.value.exit_code, str(MAX_LIMIT) in caught.value.hint) == (2, True)

    @pytest.mark.parametrize("what", WRONG)
    def test_a_value_of_another_kind_is_bad_input(self, place: Place, what: str) -> None:
        """One clear error with exit code 2, and nothing is recorded."""
        registry = place.open()
        place.register()
        with pytest.raises(RegistryError) as caught:
            WRONG[what](registry)
        assert (type(caught.value), bool(caught.value.hint)) == (ArgumentError, True)
        assert (len(registry.history("digits")), registry.runs()) == (1, [])

    def test_choices_are_named(self, place: Place) -> None:
        """All relations, all bumps, all kinds of files."""
        registry = place.open()
        file = place.weights().path
        for registration, names in (
            (Registration("digits", (), parents=(ParentLink("a", "b"),)), [*Relation]),  # type: ignore[arg-type]
            (Registration("digits", (), bump="huge"), ["major", "minor", "patch"]),  # type: ignore[arg-type]
            (Registration("digits", (FileToStore(file, "a", "b"),)), ["weights", "other"]),  # type: ignore[arg-type]
        ):
            with pytest.raises(ArgumentError) as caught:
                registry.register(registration)
            assert all(name in caught.value.hint for name in names)

    def test_a_config_may_be_as_deep_as_a_file(self, place: Place) -> None:
        """32 levels come back from every database."""
        deep = nested(32)
        first = place.register(config={"shown": 1}, recipe=Recipe(config=deep))
        second = place.register(config=deep, recipe=Recipe(config=nested(31)))
        assert place.open().show(second.ref).config == deep
        changed = place.open().diff(first.ref, second.ref).parts()["config"]
        assert sorted(change.key.count(".") for change in changed) == [0, 31]

    def test_a_metric_beyond_every_number_is_not_measured(self, place: Place) -> None:
        """Whatever it is held against, it does not pass."""
        registry = place.open()
        place.register(metrics={"val/loss": 10**400})
        with pytest.raises(PromotionRefusedError, match="not measured"):
            registry.promote("digits", "production", {"require": {"val/loss": "> 0"}})
        place.register(metrics={"val/loss": 1})
        registry.promote("digits/2", "production")
        with pytest.raises(PromotionRefusedError, match=r"not measured of digits@1\.0\.0\n"):
            registry.promote("digits/1", "production", {"better_than_current": "val/loss"})

    def test_successors_come_to_an_end(self, place: Place) -> None:
        """No ring of two or of three; who is elsewhere ends the way too."""
        registry = place.open()
        for _ in range(3):
            place.register()
        registry.deprecate("digits/1", "drifts", "digits/2")
        with pytest.raises(StatusError, match=r"digits@1\.0\.0 → digits@1\.0\.1: they would succeed each other"):
            registry.deprecate("digits/2", "drifts", "digits/1")
        registry.deprecate("digits/2", "drifts", "digits/3")
        with pytest.raises(StatusError, match="succeed each other"):
            registry.deprecate("digits/3", "drifts", "digits/1")
        assert registry.show("digits/3").marks.successor is None
        place.execute("UPDATE rt_marks SET successor = 'elsewhere@1.0.0' WHERE successor = 'digits@1.0.2'")
        assert registry.deprecate("digits/3", "drifts", "digits/1").marks.successor == "digits@1.0.0"

    def test_grace_is_no_time_that_lies_before(self, place: Place) -> None:
        """A grace below zero, or none at all, would take what may still come back."""
        registry = place.open()
        place.register()
        for grace in (timedelta(days=-30), timedelta(microseconds=-1), 7, "7d"):
            for dry_run in (True, False):
                with pytest.raises(PolicyError, match="grace"):
                    registry.gc(grace, dry_run=dry_run)  # type: ignore[arg-type]

    def test_a_model_without_a_latest_version_says_why(self, place: Place) -> None:
        """Every version that there is, with why it is passed by."""
        registry = place.open()
        place.register(version="1.0.0")
        place.register(version="2.0.0-rc.1", force=True)
        registry.archive("digits@1.0.0")
        with pytest.raises(VersionNotFoundError, match="no version digits@latest: all are") as caught:
            registry.show("digits")
        assert caught.value.hint == "Name one: 2.0.0-rc.1, 1.0.0 (archived)."
        with pytest.raises(VersionNotFoundError) as caught:
            registry.show("digits@^1")
        assert caught.value.hint == "Newest versions and aliases: 2.0.0-rc.1, 1.0.0 (archived)."

    def test_a_refusal_has_the_evidence(self, place: Place) -> None:
        """What every gate found, also those that hold."""
        place.register(metrics={"val/loss": 0.5})
        with pytest.raises(PromotionRefusedError) as caught:
            place.open().promote("digits", "production", {"require": {"val/loss": "< 0.1"}})
        found = caught.value.details["evidence"]
        assert {one["gate"]: (one["passed"], one["found"]) for one in found} == {
            "the version is ready": (True, "ready"),
            "val/loss < 0.1": (False, "0.5"),
            "no ancestor is deprecated": (True, "none"),
        }
