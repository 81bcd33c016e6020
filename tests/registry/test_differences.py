"""What differs between two versions, part by part, and which bump that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain_registry import Change, Recipe, Registration, Registry, Source, VersionDetail, VersionStatus, decide
from regtrain_registry.domain.differences import differences
from regtrain_registry.domain.records import BumpRecord, Marks
from regtrain_registry.errors import ModelNotFoundError, RefSyntaxError, VersionNotFoundError

OLD = Recipe(
    config={"optimizer": {"lr": 0.1, "args": {"betas": [0.9, 0.99]}}, "experiment": {"seed": 1}},
    data={"train": "sha256:aa", "val": "sha256:bb"},
    code={"model.py": "sha256:cc"},
    signature={"inputs": {"shape": [None, 4], "dtype": "float32"}},
    state={"w": [[4, 2], "float32"], "b": [[2], "float32"]},
)
NEW = Recipe(
    config={"optimizer": {"lr": 0.2, "args": {"betas": (0.9, 0.99)}}, "experiment": {"seed": 1}, "data": {"a": 1}},
    data={"train": "sha256:aa"},
    code={"model.py": "sha256:dd", "loss.py": "sha256:ee"},
    signature={"inputs": {"shape": [None, 8], "dtype": "float32"}},
    state={"w": [[8, 2], "float32"], "b": [[2], "bfloat16"]},
)
PARTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 2))
RECIPES = st.builds(
    Recipe,
    PARTS,
    st.dictionaries(st.sampled_from(["train", "val"]), st.sampled_from(["x", "y"])),
    st.dictionaries(st.sampled_from(["m", "l"]), st.sampled_from(["x", "y"])),
    st.dictionaries(st.sampled_from(["in", "out"]), st.integers(0, 2)),
    st.dictionaries(st.sampled_from("wb"), st.tuples(st.lists(st.integers(1, 2), max_size=2), st.just("f")).map(list)),
)


def version(text: str, recipe: Recipe, **fields: Any) -> tuple[VersionDetail, Recipe]:
    """A version as the registry gives it, with its recipe."""
    values: dict[str, Any] = {
        "name": "digits", "version": text, "number": 1, "status": VersionStatus.READY, "aliases": [],
        "created_at": datetime(2026, 1, 2, tzinfo=UTC), "created_by": "", "summary": "", "run_id": None,
        "metrics": {}, "digest": "sha256:", "size_bytes": 0, "artifacts": [], "parents": [],
        "stages": [], "tags": {}, "marks": Marks(), "exports": [],
        "signature": recipe.signature, "source": Source(), "config": recipe.config,
        "bump": BumpRecord("first", "first", [], None),
    } | fields  # fmt: skip
    return VersionDetail(**values), recipe


def test_each_part_has_its_changes() -> None:
    """Old and new by dotted key; what is the same in meaning is left out; metrics stand side by side."""
    old = version("1.0.0", OLD, metrics={"val/loss": 0.5, "val/f1": 1.0}, source=Source("abc", False))
    new = version("2.0.0", NEW, metrics={"val/loss": 0.5, "val/auc": 0.9}, source=Source("def", False))
    found = differences(old, new)
    assert (found.old, found.new) == ("digits@1.0.0", "digits@2.0.0")
    assert found.config == (Change("data.a", None, 1), Change("optimizer.lr", 0.1, 0.2))
    assert found.data == (Change("val", "sha256:bb", None),)
    assert found.code == (Change("loss.py", None, "sha256:ee"), Change("model.py", "sha256:cc", "sha256:dd"))
    assert found.signature == (Change("inputs.shape", [None, 4], [None, 8]),)
    assert found.state == (
        Change("b", [[2], "float32"], [[2], "bfloat16"]),
        Change("w", [[4, 2], "float32"], [[8, 2], "float32"]),
    )
    assert found.source == (Change("git_commit", "abc", "def"),)
    assert found.metrics == (
        Change("val/auc", None, 0.9),
        Change("val/f1", 1.0, None),
        Change("val/loss", 0.5, 0.5),
    )
    assert found.decision == decide(OLD, NEW)


def test_json() -> None:
    """The promised fields, in this order."""
    found = differences(version("1.0.0", OLD), version("1.1.0", Recipe(**{**_fields(OLD), "data": {}}))).to_json()
    parts = ["config", "data", "code", "signature", "state", "source", "metrics"]
    assert list(found) == ["old", "new", "bump", "reasons", "registered", *parts]
    assert (found["bump"], found["reasons"][0]) == ("minor", "data: train: sha256:aa → none")
    assert found["data"]["val"] == {"old": "sha256:bb", "new": None}


def test_what_is_not_known_has_no_changes() -> None:
    """A version without shapes does not look as if its tensors had gone; the reasons say that they are not known."""
    found = differences(version("1.0.0", OLD), version("1.1.0", Recipe(**{**_fields(OLD), "state": {}})))
    assert found.state == ()
    assert found.decision.reasons == ["state: not known now"]


@given(RECIPES, RECIPES)
def test_the_other_way_round_is_the_mirror_image(one: Recipe, other: Recipe) -> None:
    """Every change with old and new exchanged; nothing differs from itself, and that is a patch."""
    forth = differences(version("1.0.0", one), version("2.0.0", other))
    back = differences(version("2.0.0", other), version("1.0.0", one))
    for name, part in forth.parts().items():
        assert tuple(Change(key, new, old) for key, old, new in back.parts()[name]) == part
    assert forth.decision == decide(one, other)
    same = differences(version("1.0.0", one), version("1.0.1", one))
    assert not any(same.parts().values())
    assert same.to_json()["bump"] == "patch"


@given(RECIPES, RECIPES)
def test_a_reason_is_never_without_its_change(one: Recipe, other: Recipe) -> None:
    """Where nothing differs and everything is known the recipe is the same, and the other way round."""
    found = differences(version("1.0.0", one), version("2.0.0", other))
    unknown = any("not known" in reason for reason in found.decision.reasons)
    assert any(found.parts().values()) or unknown or found.decision.reasons == ["same recipe"]
    if found.decision.reasons == ["same recipe"]:
        assert not any(found.parts().values())


def _fields(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in ("config", "data", "code", "signature", "state")}


def test_the_registry_compares_versions_of_any_models(registry: Registry) -> None:
    """By any form of ref; the decision is the one that registering made."""
    for recipe in (OLD, NEW):
        registry.register(Registration("digits", (), recipe=recipe, config=recipe.config, metrics={"val/loss": 0.5}))
    registry.register(Registration("other", (), recipe=OLD, config=OLD.config))
    registry.set_alias("digits/1", "champion")
    found = registry.diff("digits@champion", "models:/digits/latest")
    assert (found.old, found.new) == ("digits@1.0.0", "digits@2.0.0")
    assert found.decision.reasons == registry.show("digits/2").bump.reasons
    assert found.metrics == (Change("val/loss", 0.5, 0.5),)
    across = registry.diff("digits/1", "other")
    assert (across.decision.reasons, across.config, across.state) == (["same recipe"], (), ())


@pytest.mark.parametrize(
    ("ref", "error"),
    [("digitz", ModelNotFoundError), ("digits@7.0.0", VersionNotFoundError), ("digits@", RefSyntaxError)],
)
def test_an_unknown_ref_is_named_on_either_side(registry: Registry, ref: str, error: type[Exception]) -> None:
    """Exit code 2, with the nearest names."""
    registry.register(Registration("digits", ()))
    for refs in (("digits", ref), (ref, "digits")):
        with pytest.raises(error) as caught:
            registry.diff(*refs)
        assert getattr(caught.value, "exit_code", None) == 2
        assert "digits" in str(caught.value)
