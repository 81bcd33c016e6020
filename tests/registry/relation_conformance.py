"""How versions relate, in any database: the part of the conformance class that reads lineage and compares."""

from __future__ import annotations

import pytest

from regtrain_registry import ParentLink, Recipe, Registration, Registry, Relation, RunStart
from regtrain_registry.errors import DigestSyntaxError, ModelNotFoundError, VersionNotFoundError
from support.registry.places import Place


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

    def test_who_saw_data_is_found_through_parents(self, registry: Registry) -> None:
        """By whole digest, by its beginning, with and without prefix; what came from those who saw them saw them too."""
        one, other = f"sha256:{'ab12' * 16}", f"sha256:{'ab12' * 4}{'cd34' * 12}"
        seen = {
            "first": ({"train": one, "val": other}, ()),
            "second": ({"train": other}, ()),
            "third": ({"train": "sha256:" + "0" * 64}, (ParentLink("first", Relation.DISTILLED_FROM),)),
            "fourth": ({"data_dir/b.csv": one}, (ParentLink("third", Relation.FINE_TUNED_FROM), ParentLink("second", Relation.MERGED_FROM))),
            "fifth": ({"train": "own:1234abcd/é"}, ()),
        }  # fmt: skip
        for model, (data, parents) in seen.items():
            registry.register(Registration(model, (), Recipe(data=data), parents=parents))

        def found(digest: str) -> dict[str, tuple[list[str], list[str]]]:
            versions = registry.trained_on(digest).to_json()["versions"]
            return {v["ref"].removesuffix("@1.0.0"): (list(v["data"]), v["through"]) for v in versions}

        through = {
            "fourth": (["data_dir/b.csv"], ["third@1.0.0"]),
            "third": ([], ["first@1.0.0"]),
            "first": (["train"], []),
        }
        for text in (one, one.removeprefix("sha256:"), one[:-1], one[7:].upper(), "ab12" * 5):
            assert found(text) == through, text
        assert list(found(one)) == ["fourth", "third", "first"]
        assert found("ab12ab12") == {
            "fourth": (["data_dir/b.csv"], ["second@1.0.0", "third@1.0.0"]),
            "third": ([], ["first@1.0.0"]),
            "second": (["train"], []),
            "first": (["train", "val"], []),
        }
        assert set(found("own:1234abcd/é")) == set(found("own:1234abcd")) == {"fifth"}
        for nobody in (f"{one}0", "ffffffff", "own:1234abcd/", "blake3:ab12ab12", "sha256%ab12ab12", "ab12ab1_"):
            assert found(nobody) == {}, nobody
        for short in ("", "ab12ab1", "sha256:ab12ab1", "x" * 191):
            with pytest.raises(DigestSyntaxError):
                registry.trained_on(short)

    def test_names_of_data_that_are_long_or_end_in_blanks_are_told_apart(self, registry: Registry) -> None:
        """Files deep in folders, and names that some databases take for the same, are each found."""
        names = [f"data_dir/{'x' * 300}/{letter}" for letter in "ab"] + ["data_dir/a", "data_dir/a ", "data_dir/a  "]
        digests = [f"sha256:{number:064x}" for number in range(len(names))]
        registry.register(Registration("digits", (), Recipe(data=dict(zip(names, digests, strict=True)))))
        for digest in digests:
            assert [one.version.ref for one in registry.trained_on(digest).versions] == ["digits@1.0.0"]

    def test_what_a_run_starts_from_is_recorded_with_it(self, place: Place, registry: Registry) -> None:
        """Exact versions and how, together with the run or not at all; the same twice is once."""
        for _ in range(2):
            registry.register(Registration("digits", ()))
        inputs = (
            ParentLink("digits@^1", Relation.FINE_TUNED_FROM),
            ParentLink("digits/2", Relation.FINE_TUNED_FROM),
            ParentLink("digits/1", Relation.DISTILLED_FROM),
        )
        registry.start_run(RunStart("run-1", "n", "/runs/1", inputs=inputs))
        rows = place.execute(
            "SELECT i.run_id, number, relation FROM rt_run_inputs i JOIN rt_versions ON version_id = id ORDER BY number"
        )
        assert rows == [("run-1", 1, "distilled_from"), ("run-1", 2, "fine_tuned_from")]
        with pytest.raises(VersionNotFoundError):
            registry.start_run(
                RunStart("run-2", "n", "/runs/2", inputs=(ParentLink("digits/9", Relation.RESUMED_FROM),))
            )
        assert [run.run_id for run in registry.runs()] == ["run-1"]

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
