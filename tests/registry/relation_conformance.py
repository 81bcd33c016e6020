"""How versions relate, in any database: the part of the conformance class that reads lineage and compares."""

from __future__ import annotations

import pytest

from registry.places import Place
from regtrain_registry import ParentLink, Recipe, Registration, Registry, Relation, RunStart
from regtrain_registry.errors import ModelNotFoundError, VersionNotFoundError


class RelationConformance:
    """The same graph and the same differences, whatever keeps the rows."""

    def test_lineage_is_read_both_ways(self, registry: Registry) -> None:
        """Every ancestor or descendant once, across models, newest first upward and oldest first downward."""
        registry.start_run(RunStart("run-1", "n", "/runs/1"))
        parents = {
            ("digits", "1.0.0"): (),
            ("teacher", "1.0.0"): (),
            ("digits", "1.1.0"): (ParentLink("digits", Relation.RESUMED_FROM),),
            ("digits", "2.0.0"): (
                ParentLink("digits@1.1.0", Relation.RESUMED_FROM),
                ParentLink("digits@1.1.0", Relation.FINE_TUNED_FROM),
                ParentLink("teacher", Relation.DISTILLED_FROM),
            ),
            ("small", "1.0.0"): (
                ParentLink("digits@2.0.0", Relation.COMPRESSED_FROM),
                ParentLink("digits@1.0.0", Relation.FINE_TUNED_FROM),
            ),
            ("other", "1.0.0"): (),
        }
        for (model, version), links in parents.items():
            metrics = {"val/loss": 0.5}
            registry.register(Registration(model, (), version=version, parents=links, run_id="run-1", metrics=metrics))
        up, down = registry.lineage("small"), registry.lineage("digits@1.0.0", down=True)
        refs = ["small@1.0.0", "digits@2.0.0", "digits@1.1.0", "teacher@1.0.0", "digits@1.0.0"]
        assert [node.ref for node in up.nodes] == refs
        assert [node.ref for node in down.nodes] == ["digits@1.0.0", "digits@1.1.0", "digits@2.0.0", "small@1.0.0"]
        assert [(edge.child, edge.parent, edge.relation.value) for edge in up.edges] == [
            ("small@1.0.0", "digits@2.0.0", "compressed_from"),
            ("small@1.0.0", "digits@1.0.0", "fine_tuned_from"),
            ("digits@2.0.0", "digits@1.1.0", "fine_tuned_from"),
            ("digits@2.0.0", "digits@1.1.0", "resumed_from"),
            ("digits@2.0.0", "teacher@1.0.0", "distilled_from"),
            ("digits@1.1.0", "digits@1.0.0", "resumed_from"),
        ]
        assert {(e.child, e.parent) for e in down.edges} == {
            (e.child, e.parent) for e in up.edges if not e.parent.startswith("teacher")
        }
        first = up.nodes[0]
        assert (first.number, first.run_id, first.metrics) == (1, "run-1", {"val/loss": 0.5})
        assert first.created_at == registry.show("small").created_at
        alone = registry.lineage("other")
        assert ([node.ref for node in alone.nodes], alone.edges) == (["other@1.0.0"], ())
        with pytest.raises(VersionNotFoundError):
            registry.lineage("digits@9.0.0")

    def test_two_versions_are_compared(self, place: Place, registry: Registry) -> None:
        """With what is stored of each, whichever of its config and its recipe's config differ; either way round."""
        for lr, width in ((0.1, 4), (0.2, 8)):
            recipe = Recipe({"lr": lr}, {"train": f"sha256:{width}"}, {}, {}, {"w": [[width], "float32"]})
            place.register(recipe=recipe, config={"lr": lr, "note": "n"}, metrics={"val/loss": lr})
        found = registry.diff("digits/1", "digits@2.0.0").to_json()
        assert (found["old"], found["new"], found["bump"]) == ("digits@1.0.0", "digits@2.0.0", "major")
        assert found["reasons"] == registry.show("digits").bump.reasons
        assert found["config"] == {"lr": {"old": 0.1, "new": 0.2}}
        assert found["state"] == {"w": {"old": [[4], "float32"], "new": [[8], "float32"]}}
        assert found["data"] == {"train": {"old": "sha256:4", "new": "sha256:8"}}
        back = registry.diff("digits@2.0.0", "digits/1").to_json()
        assert back["config"] == {"lr": {"old": 0.2, "new": 0.1}}
        with pytest.raises(ModelNotFoundError, match="digit"):
            registry.diff("digits", "digit")
