"""Accepted spellings: one table, one canonical key each, everywhere the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regtrain.config import Config, from_mapping, load, to_flat
from regtrain.config.keys import all_keys, find
from regtrain.config.leaves import dotted, split_dotted
from regtrain.config.rewrite import is_known, rewrite_path
from regtrain.config.spellings import FLAGS, SPELLINGS
from regtrain.errors import ConfigKeyError, ConfigValueError
from support.every import for_every


def given(mapping: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a mapping sets, by canonical key."""
    flat = to_flat(from_mapping(mapping, environ={}, **more))
    return {key: entry["value"] for key, entry in flat.items() if entry["source"] != "default"}


@for_every(SPELLINGS)
def test_a_spelling_leads_to_a_canonical_key(spelling: str) -> None:
    """It is no canonical key itself, and where it leads there is one."""
    written = split_dotted(spelling.replace("*", "part"))
    assert find(written)[1] < len(written)
    (target, _) = next(rewrite_path(written, {}))
    assert is_known(target)
    assert next(rewrite_path(target, {})) == (target, {})


@for_every([dotted(info.path) for info in all_keys() if "*" not in info.path])
def test_a_canonical_key_stays_where_it_is(key: str) -> None:
    """No rule moves a canonical key, whatever its value."""
    path = split_dotted(key)
    for value in ({}, None):
        assert list(rewrite_path(path, value)) == [(path, value)]


@for_every(FLAGS)
def test_a_flag_belongs_to_a_canonical_key(key: str) -> None:
    """The table of flags names existing keys."""
    path = split_dotted(key)
    assert find(path)[1] == len(path)


def sample(spelling: str) -> Any:
    """A value that the key behind a spelling takes."""
    info, _ = find(next(rewrite_path(split_dotted(spelling), {}))[0])
    options = [info.schema, *info.schema.get("anyOf", [])]
    kinds = [option.get("type") for option in options]
    enum = next((option["enum"] for option in options if "enum" in option), None)
    if enum is not None:
        return enum[-1]
    if info.kind in {"section", "names"}:
        return {}
    return {"integer": 3, "number": 0.5, "boolean": True, "array": [0]}.get(
        next(k for k in [*kinds, ""] if k is not None), "x"
    )


@for_every([s for s in SPELLINGS if "*" not in s])
def test_a_spelling_means_its_key_in_file_override_and_environment(spelling: str, tmp_path: Path) -> None:
    """All three ways to give a value understand every spelling alike."""
    value, path = sample(spelling), split_dotted(spelling)
    nested: Any = value
    for name in reversed(path):
        nested = {name: nested}
    expected = from_mapping(nested, environ={}).config
    text = {True: "true"}.get(value, str(value)) if not isinstance(value, dict | list) else str(value)
    assert load(None, overrides=[f"{spelling}={text}"], environ={}).config == expected
    name = "REGTRAIN_" + "__".join(path).upper()
    assert load(None, environ={name: text}).config == expected
    if value != {}:
        assert expected != Config()


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"optimizer": "adamw"}, {"optimizer.name": "adamw"}),
        ({"model": "resnet50"}, {"model.name": "resnet50"}),
        ({"dataset": "digits"}, {"data.name": "digits"}),
        ({"scheduler": "cosine"}, {"scheduler.name": "cosine"}),
        ({"training": {"scheduler": "cosine"}}, {"scheduler.name": "cosine"}),
        ({"launcher": "slurm"}, {"launcher.name": "slurm"}),
        ({"evaluator": "classification"}, {"evaluation.evaluator.name": "classification"}),
        ({"loss": "CrossEntropyLoss"}, {"loss.name": "CrossEntropyLoss"}),
        ({"experiment": "first"}, {"experiment.name": "first"}),
        ({"distributed": "ddp"}, {"distributed.strategy": "ddp"}),
        ({"early_stopping": False}, {"early_stopping.enabled": False}),
        ({"profiling": True}, {"profiling.enabled": True}),
        ({"registry": False}, {"registry.enabled": False}),
        ({"parallel": 4}, {"tuning.parallel.n_jobs": 4}),
        ({"export": "onnx"}, {"export.formats": ["onnx"]}),
        ({"export": ["onnx", "pytorch"]}, {"export.formats": ["onnx", "pytorch"]}),
        ({"trackers": ["MLflow", "wandb"]}, {"trackers.mlflow.enabled": True, "trackers.wandb.enabled": True}),
        ({"logging": {"backend": "TensorBoard"}}, {"trackers.tensorboard.enabled": True}),
        ({"logging": {"backend": None, "use_wandb": True}}, {"trackers.wandb.enabled": True}),
        ({"logging": {"clearml": {"project": "p"}}}, {"trackers.clearml.args.project": "p"}),
        ({"scheduler": None}, {"scheduler": None}),
        ({"scheduler": None, "lr_scheduler": {"type": "step"}}, {"scheduler.name": "step"}),
        ({"lr_scheduler": {"type": "step"}, "scheduler": None}, {"scheduler.name": "step"}),
        ({"training": None, "gpu": None, "dataloader": {}, "model": {}}, {}),
        ({"model": {"name": "m", "args": None}}, {"model.name": "m", "model.args": {}}),
        ({"model": {"hidden": {"a": 1}, "type": "m"}}, {"model.name": "m", "model.args.hidden.a": 1}),
        ({"loss": {"type": "x", "args": {"type": "own"}}}, {"loss.name": "x", "loss.args.type": "own"}),
        ({"trackers": {"mlflow": {"tracking_uri": "u"}}}, {"trackers.mlflow.args.tracking_uri": "u"}),
        ({"optimizer": {"enc": {}, "betas": [0.9, 1]}}, {"optimizer.args.betas": [0.9, 1]}),
        ({"optimizer": {"groups": {"enc.*": "Lion"}}}, {'optimizer.groups."enc.*".name': "Lion"}),
        ({"optimizer": {"enc": {"type": "SGD", "learning_rate": 0.1, "momentum": 0.9}}},
         {"optimizer.groups.enc.name": "SGD", "optimizer.groups.enc.lr": 0.1, "optimizer.groups.enc.args.momentum": 0.9}),
        ({"search_space": {"lr": [0.1, 0.2], "model.hidden": [1, 2]}},
         {'tuning.search_space."optimizer.lr"': [0.1, 0.2], 'tuning.search_space."model.args.hidden"': [1, 2]}),
    ],
)  # fmt: skip
def test_short_forms(mapping: dict[str, Any], expected: dict[str, Any]) -> None:
    """Names, switches and lists in place of a section, and keys of open sections, find their place."""
    assert given(mapping) == expected


def test_an_empty_mapping_in_the_optimizer_is_a_group() -> None:
    """A component that takes the optimizer as it is."""
    assert list(from_mapping({"optimizer": {"enc": {}}}, environ={}).config.optimizer.groups) == ["enc"]


@pytest.mark.parametrize(
    "mapping",
    [
        {"epochs": 3, "training": {"max_epochs": 3}},
        {"precision": 16, "gpu": {"precision": "fp16"}},
        {"checkpoint": {"monitor": "val_loss"}, "checkpointing": {"metric": "val/loss"}},
        {"lr": 1, "optimizer": {"lr": 1.0}},
    ],
)
def test_two_spellings_may_agree(mapping: dict[str, Any]) -> None:
    """Equal after normalising is no contradiction."""
    assert len(given(mapping)) == 1


def test_two_spellings_may_not_contradict_each_other(tmp_path: Path) -> None:
    """The error names both keys and both lines."""
    file = tmp_path / "run.yaml"
    file.write_text("lr: 0.1\noptimizer:\n  lr: 0.2\n")
    with pytest.raises(ConfigValueError, match=r"run\.yaml:3: optimizer\.lr contradicts lr at .*run\.yaml:1"):
        load(file, environ={})


def test_true_does_not_agree_with_one() -> None:
    """Python holds True and 1 for equal, a config does not."""
    with pytest.raises(ConfigValueError, match="contradicts"):
        from_mapping({"model": {"width": True, "args": {"width": 1}}}, environ={})


STAGES = "seed: 1\ntraining: {batch_size: 4}\nretrieval:\n  training: {lr: 0.1, batch_size: 8}\n"
RANKING = "ranking:\n  training: {lr: 0.2}\n  model: mlp\n"


def test_the_only_stage_is_taken_by_itself(tmp_path: Path) -> None:
    """Its values lie over those of the root."""
    (tmp_path / "run.yaml").write_text(STAGES)
    config = load(tmp_path / "run.yaml", environ={}).config
    assert (config.experiment.seed, config.training.batch_size, config.optimizer.lr) == (1, 8, 0.1)


def test_several_stages_want_a_choice(tmp_path: Path) -> None:
    """Without one the error names them; with one the others do not matter."""
    file = tmp_path / "run.yaml"
    file.write_text(STAGES + RANKING)
    with pytest.raises(ConfigKeyError, match="several stages: retrieval, ranking"):
        load(file, environ={})
    config = load(file, section="ranking", environ={}).config
    assert (config.model.name, config.training.batch_size, config.optimizer.lr) == ("mlp", 4, 0.2)
    assert load(file, section="retrieval", overrides=["retrieval.training.lr=3"], environ={}).config.optimizer.lr == 3


@pytest.mark.parametrize("section", ["rerank", "training", "seed"])
def test_a_stage_that_is_not_there_is_refused(section: str, tmp_path: Path) -> None:
    """The choices are named; a section of the config is no stage."""
    (tmp_path / "run.yaml").write_text(STAGES)
    with pytest.raises(ConfigKeyError, match="it has retrieval"):
        load(tmp_path / "run.yaml", section=section, environ={})


@pytest.mark.parametrize(
    "content",
    ["epochs: 3", "optimizer: adamw", "scheduler: {name: step}", "early_stopping: {patience: 3}, loss: x"],
)
def test_a_typo_is_no_stage(content: str) -> None:
    """`traning` with sections inside is still a slip of the pen."""
    with pytest.raises(ConfigKeyError, match=r"no such key traning\. Did you mean training"):
        load(None, overrides=[f"traning={{{content}}}"], environ={})


def test_a_typo_in_a_file_is_no_stage(tmp_path: Path) -> None:
    """The same where stages are looked for."""
    (tmp_path / "run.yaml").write_text("traning: {optimizer: adamw, epochs: 3}\n")
    with pytest.raises(ConfigKeyError, match=r"run\.yaml:1: no such key traning\. Did you mean training"):
        load(tmp_path / "run.yaml", environ={})
