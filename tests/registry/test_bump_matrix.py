"""The number explains itself: what differs between two recipes → which part moves, and in what words."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from regtrain.config.keys import not_learned
from regtrain_registry import Bump, ParentLink, Recipe, Registry, Relation, VersionInfo, decide
from regtrain_registry.domain.events import EventKind
from regtrain_registry.errors import WrongBumpError

Register = Callable[..., VersionInfo]

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
BASE: dict[str, Any] = {
    "config": {
        "experiment": {"name": "digits", "seed": 42, "description": "", "output_dir": "/runs"},
        "model": {"name": "mlp", "args": {"hidden": [16], "dropout": 0.1}, "compile": False},
        "data": {"name": "csv", "train_path": "/data/train.csv", "num_workers": 0, "drop_last": False},
        "loss": {"name": "CrossEntropyLoss"},
        "training": {"epochs": 3, "batch_size": 32, "precision": "32", "device": "cpu"},
        "optimizer": {"name": "AdamW", "lr": 0.001, "args": {"betas": [0.9, 0.999]}},
        "scheduler": None,
        "checkpoint": {"keep_top_k": 0, "monitor": "val/loss"},
        "export": {"formats": []},
    },
    "data": {"train": A, "val": A, "data_dir/a.csv": A},
    "code": {"model": "mlp of regtrain 0.1.0", "loss": A},
    "signature": {
        "inputs": {"shape": [None, 64], "dtype": "float32"},
        "outputs": {"shape": [None, 10], "dtype": "float32"},
    },
    "state": {"0.weight": [[16, 64], "float32"], "0.bias": [[16], "float32"]},
}

Edit = tuple[str, Any]  # a place, parts divided by `|`, and what stands there; ...: nothing does

PATCH, MINOR, MAJOR = Bump.PATCH, Bump.MINOR, Bump.MAJOR

# What changes → the part that moves, and the one line that says why (patch: the line after "same recipe").
MATRIX: dict[str, tuple[list[Edit], Bump, str | None]] = {
    "nothing": ([], PATCH, None),
    "another seed": ([("config|experiment|seed", 7)], PATCH, "experiment.seed: 42 → 7"),
    "more epochs": ([("config|training|epochs", 9)], PATCH, "training.epochs: 3 → 9"),
    "an end in steps": ([("config|training|max_steps", 500)], PATCH, "training.max_steps: none → 500"),
    "a resume": ([("config|checkpoint|resume_from", "runs/1")], PATCH, "checkpoint.resume_from: none → runs/1"),
    "another export": ([("config|export|formats", ["onnx"])], PATCH, 'export.formats: [] → ["onnx"]'),
    "another device": ([("config|training|device", "cuda")], PATCH, "training.device: cpu → cuda"),
    "another name": ([("config|experiment|name", "d2")], PATCH, "experiment.name: digits → d2"),
    "a description": ([("config|experiment|description", "x")], PATCH, "experiment.description:  → x"),
    "another folder": ([("config|experiment|output_dir", "/o")], PATCH, "experiment.output_dir: /runs → /o"),
    "more loading": ([("config|data|num_workers", 4)], PATCH, "data.num_workers: 0 → 4"),
    "data moved": ([("config|data|train_path", "/d/t.csv")], PATCH, "data.train_path: /data/train.csv → /d/t.csv"),
    "a tracker": ([("config|trackers", {"mlflow": {"enabled": True}})], PATCH, "trackers.mlflow.enabled: none → true"),
    "compiled": ([("config|model|compile", True)], PATCH, "model.compile: false → true"),
    "more kept": ([("config|checkpoint|keep_top_k", 3)], PATCH, "checkpoint.keep_top_k: 0 → 3"),
    "early stopping": ([("config|early_stopping", {"patience": 3})], PATCH, "early_stopping.patience: none → 3"),
    "files not digested": ([("data|data_dir/a.csv", ...)], PATCH, None),
    "other training data": ([("data|train", B)], MINOR, f"data: train: {A[:19]} → {B[:19]}"),
    "one other file": ([("data|data_dir/a.csv", B)], MINOR, f"data: data_dir/a.csv: {A[:19]} → {B[:19]}"),
    "one file more": ([("data|data_dir/b.csv", B)], MINOR, f"data: data_dir/b.csv: none → {B[:19]}"),
    "no validation data": ([("data|val", ...)], MINOR, f"data: val: {A[:19]} → none"),
    "other code": ([("code|loss", B)], MINOR, f"code: loss: {A[:19]} → {B[:19]}"),
    "a newer plugin": ([("code|model", "mlp of regtrain 0.2.0")], MINOR, "code: model: mlp of regtrain 0.1.0 → mlp of regtrain 0.2.0"),
    "another rate": ([("config|optimizer|lr", 0.01)], MINOR, "optimizer.lr: 0.001 → 0.01"),
    "another optimizer": ([("config|optimizer|name", "SGD")], MINOR, "optimizer.name: AdamW → SGD"),
    "an argument more": ([("config|optimizer|args|eps", 1e-6)], MINOR, "optimizer.args.eps: none → 1e-06"),
    "a scheduler": ([("config|scheduler", {"name": "cosine"})], MINOR, "scheduler.name: none → cosine"),
    "another batch size": ([("config|training|batch_size", 64)], MINOR, "training.batch_size: 32 → 64"),
    "another precision": ([("config|training|precision", "bf16-mixed")], MINOR, "training.precision: 32 → bf16-mixed"),
    "another loss": ([("config|loss|name", "NLLLoss")], MINOR, "loss.name: CrossEntropyLoss → NLLLoss"),
    "a layer option, same shapes": ([("config|model|args|dropout", 0.5)], MINOR, "model.args.dropout: 0.1 → 0.5"),
    "other initial weights": ([("config|model|init_from", "base@1.0.0")], MINOR, "model.init_from: none → base@1.0.0"),
    "another number format": ([("state|0.bias", [[16], "bfloat16"])], MINOR, "state: 0.bias float32 → bfloat16"),
    "tensors not known": ([("state", {})], MINOR, "state: not known now"),
    "signature not known": ([("signature", {})], MINOR, "signature: not known now"),
    "another input": ([("signature|inputs|shape", [None, 32])], MAJOR, "signature: inputs.shape: [null, 64] → [null, 32]"),
    "another input format": ([("signature|inputs|dtype", "int64")], MAJOR, "signature: inputs.dtype: float32 → int64"),
    "another output": ([("signature|outputs|shape", [None, 2])], MAJOR, "signature: outputs.shape: [null, 10] → [null, 2]"),
    "a second output": ([("signature|extra", {"dtype": "float32"})], MAJOR, "signature: extra.dtype: none → float32"),
    "a tensor renamed": ([("state|0.bias", ...), ("state|0.offset", [[16], "float32"])], MAJOR, "state: 0.bias [16] → none"),
    "a tensor added": ([("state|2.weight", [[10, 16], "float32"])], MAJOR, "state: 2.weight none → [10, 16]"),
    "a tensor removed": ([("state|0.bias", ...)], MAJOR, "state: 0.bias [16] → none"),
    "a tensor reshaped": ([("state|0.weight", [[16, 128], "float32"])], MAJOR, "state: 0.weight [16, 64] → [16, 128]"),
    "the same size, turned": ([("state|0.weight", [[64, 16], "float32"])], MAJOR, "state: 0.weight [16, 64] → [64, 16]"),
}  # fmt: skip


def recipe(*edits: Edit) -> Recipe:
    """The recipe of BASE with what the edits say."""
    parts = deepcopy(BASE)
    for place, value in edits:
        *path, key = place.split("|")
        section = parts
        for name in path:
            section = section[name]
        if value is ...:
            del section[key]
        else:
            section[key] = value
    return Recipe(**parts, not_learned=not_learned())


def of(change: str) -> Recipe:
    return recipe(*MATRIX[change][0])


@pytest.mark.parametrize("change", MATRIX)
def test_each_change_moves_its_part_and_says_why(change: str, register: Register, registry: Registry) -> None:
    """Decided on values, registered, shown, and in the comparison of the two versions: the same part and the same words."""
    _, bump, line = MATRIX[change]
    decision = decide(recipe(), of(change))
    expected = ["same recipe", *([line] if line else [])] if bump is PATCH else [line]
    assert (decision.bump, decision.reasons[: len(expected)]) == (bump, expected)
    register(recipe=recipe())
    made = register(recipe=of(change))
    assert made.version == {PATCH: "1.0.1", MINOR: "1.1.0", MAJOR: "2.0.0"}[bump]
    assert registry.show("digits").bump.reasons == made.bump.reasons == decision.reasons
    assert (made.bump.kind, made.bump.computed, made.bump.base) == (bump.value, bump.value, "1.0.0")
    compared = registry.diff("digits@1.0.0", made.ref)
    assert (compared.decision, compared.registered) == (decision, made.bump)


def test_the_matrix_is_a_matrix() -> None:
    """At least thirty pairs, some of each part."""
    parts = [bump for _, bump, _ in MATRIX.values()]
    assert len(parts) >= 30
    assert min(parts.count(bump) for bump in Bump) >= 8


@pytest.mark.parametrize("change", [name for name, (edits, _, _) in MATRIX.items() if edits and "not" not in name])
def test_the_way_back_moves_the_same_part(change: str) -> None:
    """What came goes, what was raised is lowered: as much of a change."""
    assert decide(of(change), recipe()).bump is MATRIX[change][1]


LINE = (("1.0.0", "nothing"), ("1.1.0", "another rate"), ("1.2.0", "another optimizer"), ("2.0.0", "a tensor added"))
# Parent, relation, what differs from the parent → the version. `2.0.0` is the highest there is.
GOING_ON: list[tuple[str | None, Relation, list[Edit], str, str]] = [
    ("1.2.0", Relation.RESUMED_FROM, [("config|training|epochs", 9)], "1.2.1", "1.2.0"),
    ("1.1.0", Relation.RESUMED_FROM, [("config|training|epochs", 9)], "1.1.1", "1.1.0"),
    ("1.2.0", Relation.FINE_TUNED_FROM, [("data|train", B)], "1.3.0", "1.2.0"),
    ("1.0.0", Relation.FINE_TUNED_FROM, [("data|train", B)], "1.3.0", "1.0.0"),
    ("1.2.0", Relation.RESUMED_FROM, [("state|9.weight", [[1], "float32"])], "3.0.0", "1.2.0"),
    ("2.0.0", Relation.RESUMED_FROM, [("config|experiment|seed", 7)], "2.0.1", "2.0.0"),
    ("1.2.0", Relation.DISTILLED_FROM, [], "3.0.0", "2.0.0"),
    (None, Relation.RESUMED_FROM, [], "3.0.0", "2.0.0"),
]


@pytest.mark.parametrize(("parent", "relation", "edits", "version", "base"), GOING_ON)
def test_a_run_that_goes_on_stays_in_its_line(
    parent: str | None, relation: Relation, edits: list[Edit], version: str, base: str, register: Register
) -> None:
    """It is compared with its parent, not with the highest version; other relations, and no parent, with the highest."""
    changes = dict(LINE)
    for number, change in LINE:
        register(recipe=of(change), version=number, force=True)
    own = [*MATRIX[changes[parent]][0], *edits] if parent else MATRIX["another optimizer"][0]
    if relation is Relation.DISTILLED_FROM:
        own = MATRIX["another optimizer"][0]
    parents = (ParentLink(f"digits@{parent}", relation),) if parent else ()
    made = register(recipe=recipe(*own), parents=parents)
    assert (made.version, made.bump.base) == (version, base)


def test_a_line_goes_on_after_its_last(register: Register) -> None:
    """Two that go on from one version: the second comes after the first, also where a third has gone further."""
    for number, change in LINE:
        register(recipe=of(change), version=number, force=True)
    link = (ParentLink("digits@1.1.0", Relation.RESUMED_FROM),)
    longer = recipe(*MATRIX["another rate"][0], ("config|training|epochs", 9))
    assert [register(recipe=longer, parents=link).version for _ in range(3)] == ["1.1.1", "1.1.2", "1.1.3"]
    other = recipe(*MATRIX["another rate"][0], ("data|train", B))
    assert [register(recipe=other, parents=link).version for _ in range(2)] == ["1.3.0", "1.4.0"]
    assert register(recipe=longer, parents=(ParentLink("digits@1.1.2", Relation.RESUMED_FROM),)).version == "1.1.4"


def test_a_parent_of_another_model_is_no_base(register: Register) -> None:
    """The first version of a model is 1.0.0, whatever it came from; later ones are compared within the model."""
    register("base", recipe=of("a tensor added"))
    link = (ParentLink("base", Relation.FINE_TUNED_FROM),)
    assert register(recipe=recipe(), parents=link).version == "1.0.0"
    made = register(recipe=of("another seed"), parents=link)
    assert (made.version, made.bump.base) == ("1.0.1", "1.0.0")


def test_of_several_parents_the_highest_is_the_base(register: Register) -> None:
    """Whichever is named first, and whatever is higher."""
    for number, change in LINE:
        register(recipe=of(change), version=number, force=True)
    parents = [ParentLink(f"digits@{number}", Relation.FINE_TUNED_FROM) for number in ("1.1.0", "1.2.0", "1.0.0")]
    made = register(recipe=of("another optimizer"), parents=tuple(parents))
    assert (made.version, made.bump.base) == ("1.2.1", "1.2.0")


def test_a_version_that_is_given_is_held_against_the_one_before_it(register: Register) -> None:
    """In the order of versions, not the highest there is."""
    register(recipe=recipe())
    register(recipe=of("a tensor added"))
    made = register(recipe=of("another seed"), version="1.0.1")
    assert (made.bump.base, made.bump.computed, made.bump.forced) == ("1.0.0", "patch", False)
    with pytest.raises(WrongBumpError, match=r"2\.0\.1 was asked for after 2\.0\.0, but the change is major"):
        register(recipe=of("another seed"), version="2.0.1")


# What is asked for, what changes → the version; None: refused unless it is forced, and then the version.
ASKED: list[tuple[dict[str, Any], str, str, str | None]] = [
    ({"bump": PATCH}, "another seed", "1.0.1", None),
    ({"bump": MINOR}, "another seed", "1.1.0", None),
    ({"bump": MAJOR}, "another rate", "2.0.0", None),
    ({"version": "1.0.7"}, "another seed", "1.0.7", None),
    ({"version": "1.5.0"}, "another rate", "1.5.0", None),
    ({"version": "2.0.0-rc.1"}, "a tensor added", "2.0.0-rc.1", None),
    ({"bump": PATCH}, "another rate", "1.0.1", "patch was asked for, but the change is minor"),
    ({"bump": MINOR}, "a tensor added", "1.1.0", "minor was asked for, but the change is major"),
    ({"bump": PATCH}, "another output", "1.0.1", "patch was asked for, but the change is major"),
    ({"version": "1.0.1"}, "another rate", "1.0.1", "1.0.1 was asked for after 1.0.0, but the change is minor"),
    ({"version": "1.9.0"}, "a tensor removed", "1.9.0", "1.9.0 was asked for after 1.0.0, but the change is major"),
]


@pytest.mark.parametrize(("asked", "change", "version", "refused"), ASKED)
def test_what_says_too_little_is_refused_unless_forced(
    asked: dict[str, Any], change: str, version: str, refused: str | None, register: Register, registry: Registry
) -> None:
    """Exit code 3 with what was asked and what changed; forced it is done, and record and history say so for ever."""
    register(recipe=recipe())
    if refused:
        with pytest.raises(WrongBumpError, match=refused) as caught:
            register(recipe=of(change), **asked)
        assert (caught.value.exit_code, str(MATRIX[change][2]) in caught.value.message) == (3, True)
        assert "--force" in caught.value.hint
        assert [v.version for v in registry.versions("digits")] == ["1.0.0"]
        assert len(registry.history("digits")) == 1
    made = register(recipe=of(change), force=True, **asked)
    assert (made.version, made.bump.forced) == (version, refused is not None)
    assert made.bump.computed == MATRIX[change][1].value
    assert registry.show(made.ref).bump == made.bump
    event = registry.history("digits")[0]
    assert (event.kind, event.version) == (EventKind.REGISTERED, version)
    assert (event.facts["forced"], event.facts["bump"]) == (made.bump.forced, made.bump.kind)


def test_force_alone_changes_nothing(register: Register) -> None:
    """Where nothing is asked for there is nothing to force."""
    register(recipe=recipe())
    made = register(recipe=of("another rate"), force=True)
    assert (made.version, made.bump.forced, made.bump.overruled) == ("1.1.0", False, None)
