"""Renaming models and copying versions, in any database: a part of the conformance class."""

from __future__ import annotations

import logging

import pytest

from regtrain_registry import ParentLink, Registration, Registry, Relation, RunStart
from regtrain_registry.errors import ModelNotFoundError, ModelTakenError, StatusError
from regtrain_registry.ops import rename
from support.registry.places import Place


class NamingConformance:
    """Names of models change; versions, histories and files stay."""

    def test_a_renamed_model_answers_to_both_names(
        self, place: Place, registry: Registry, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In every form of a ref; the note names both; the event is in an intact history."""
        rename._noted.clear()
        place.register()
        place.register()
        registry.set_alias("digits/1", "champion")
        renamed = registry.rename("digits", "numbers")
        assert (renamed.name, renamed.versions) == ("numbers", 2)
        assert [model.name for model in registry.models()] == ["numbers"]
        with caplog.at_level(logging.WARNING, "regtrain_registry"):
            for ref in ("digits", "digits@1.0.1", "digits/2", "digits@^1", "models:/digits/latest"):
                assert registry.show(ref).ref == "numbers@1.0.1"
        assert [record.getMessage() for record in caplog.records] == ["model digits was renamed; its name is numbers"]
        assert registry.show("digits@champion").ref == "numbers@1.0.0"
        assert registry.versions("digits") == registry.versions("numbers")
        assert registry.tag("digits", "a", "b").name == "numbers"
        tagged, event = registry.history("digits")[:2]
        assert (event.kind.value, event.version, event.facts) == (
            "renamed",
            None,
            {"before": "digits", "after": "numbers"},
        )
        assert tagged.seq == event.seq + 1
        assert registry.fsck(read_data=True).ok

    def test_a_registration_under_the_former_name_is_of_the_renamed_model(
        self, place: Place, registry: Registry
    ) -> None:
        """Configs that have not been changed yet go on; a repeated registration gives the same version."""
        place.register(idempotency_key="k")
        registry.rename("digits", "numbers")
        made = place.register()
        assert (made.ref, made.number) == ("numbers@1.0.1", 2)
        assert place.register(idempotency_key="k").ref == "numbers@1.0.0"
        assert place.count("rt_models") == 1

    def test_no_other_model_takes_a_name_that_answers(self, place: Place, registry: Registry) -> None:
        """Neither a current one nor a former one; the model itself gets its former name back."""
        for model in ("digits", "other"):
            place.register(model)
        registry.rename("digits", "numbers")
        for name in ("numbers", "digits"):
            with pytest.raises(ModelTakenError) as caught:
                registry.rename("other", name)
            assert caught.value.exit_code == 3
        with pytest.raises(ModelNotFoundError):
            registry.rename("nobody", "somebody")
        assert registry.rename("numbers", "numbers").name == "numbers"
        registry.rename("digits", "figures")
        assert {registry.show(name).name for name in ("digits", "numbers", "figures")} == {"figures"}
        assert registry.rename("figures", "digits").name == "digits"
        assert registry.show("numbers").name == "digits"
        assert [event.kind.value for event in registry.history("digits")] == ["renamed"] * 3 + ["registered"]
        assert registry.fsck().ok

    def test_a_changed_name_in_a_history_is_found(self, place: Place, registry: Registry) -> None:
        """A name that no event gave, and an event whose names were changed."""
        place.register()
        registry.rename("digits", "numbers")
        place.execute("UPDATE rt_models SET name = 'figures'")
        assert [problem.kind for problem in registry.fsck().problems] == ["history"]
        place.execute("UPDATE rt_models SET name = 'numbers'")
        place.execute("UPDATE rt_events SET facts = '{}' WHERE kind = 'renamed'")
        assert [problem.kind for problem in registry.fsck().problems] == ["history"]

    def test_what_was_exported_before_a_rename_is_known_after_it(self, place: Place, registry: Registry) -> None:
        """A version keeps its identity: it is not imported a second time."""
        place.register()
        for number, name in enumerate(("digits", "numbers")):
            if number:
                registry.rename("digits", name)
            registry.export_archive(None, place.folder / f"{number}.archive")
        folder = place.folder / "elsewhere"
        other = Registry(f"sqlite:///{folder}/registry.db", folder / "blobs")
        assert len(other.import_archive(place.folder / "0.archive")) == 1
        other.import_archive(place.folder / "1.archive")
        registry.import_archive(place.folder / "0.archive")
        assert [(model.name, model.versions) for model in other.models()] == [("digits", 1)]
        assert [(model.name, model.versions) for model in registry.models()] == [("numbers", 1)]

    def test_a_copy_has_the_files_and_the_record_of_its_source(self, place: Place, registry: Registry) -> None:
        """Its own number, no alias; nothing new in the store; lineage and event name the source; searches find it."""
        registry.start_run(RunStart("r", "r", "/r"))
        fields = {"metrics": {"acc": 0.5}, "config": {"lr": 0.1}, "summary": "good", "run_id": "r"}
        source = place.register(version="1.4.0", **fields)
        source = registry.tag(source.ref, "team", "vision")
        registry.set_alias(source.ref, "champion")
        blobs = place.count("rt_blobs")
        made = registry.copy("digits@champion", "numbers")
        assert (made.ref, made.number, made.aliases) == ("numbers@1.4.0", 1, [])
        same = ("tags", "metrics", "digest", "size_bytes", "artifacts", "signature", "source", "summary", "run_id")
        assert [(name, getattr(made, name)) for name in same] == [(name, getattr(source, name)) for name in same]
        assert made.config == registry.show(source.ref).config
        assert made.parents == [ParentLink("digits@1.4.0", Relation.COPIED_FROM)]
        assert registry.history("numbers")[0].facts["copied_from"] == "digits@1.4.0"
        assert place.count("rt_blobs") == blobs
        found = registry.search("metrics.acc = 0.5 and params.lr = 0.1 and tags.team = vision and run_id = r")
        assert sorted(version.ref for version in found) == ["digits@1.4.0", "numbers@1.4.0"]
        assert registry.run("r").model == "digits"
        assert registry.show("digits@1.4.0").aliases == ["champion"]
        assert registry.verify(made.ref).damaged == []
        assert registry.fsck(read_data=True).ok
        usage = {model.name: model for model in registry.du().models}
        assert [(m.stored_bytes, m.own_bytes) for m in usage.values()] == [(source.size_bytes, 0)] * 2
        assert registry.du().saved_bytes == source.size_bytes

    def test_a_copy_into_a_model_that_exists_is_numbered_as_a_registration(
        self, place: Place, registry: Registry
    ) -> None:
        """By the recipes; also in the same model, and under a former name of the target."""
        place.register(version="1.4.0")
        place.register("numbers")
        assert registry.copy("digits", "numbers").ref == "numbers@1.0.1"
        assert registry.copy("digits", "digits").ref == "digits@1.4.1"
        registry.rename("numbers", "figures")
        made = registry.copy("digits/1", "numbers")
        assert (made.ref, made.number) == ("figures@1.0.2", 3)
        assert registry.register(Registration("figures", ())).number == 4
        assert registry.fsck().ok

    def test_an_expired_version_is_not_copied(self, place: Place, registry: Registry) -> None:
        """And no model is made for it."""
        place.register()
        place.register()
        registry.delete("digits/1")
        with pytest.raises(StatusError):
            registry.copy("digits/1", "numbers")
        assert [model.name for model in registry.models()] == ["digits"]
