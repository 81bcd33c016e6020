"""The canonical form: saved, shown, and loaded again without a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regtrain.config import Config, from_mapping, load, to_flat, to_yaml
from regtrain.config.keys import all_keys
from regtrain.config.leaves import dotted
from regtrain.config.spellings import SPELLINGS
from regtrain.config.yaml_source import parse
from regtrain.errors import RegtrainError
from support.config.configs import CONFIGS, PLAIN

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@QUICK
@given(CONFIGS)
def test_a_saved_config_loads_as_the_same_config(values: dict[str, Any]) -> None:
    """Whatever the config: its YAML gives an equal one, and so does the config itself."""
    config = Config.model_validate(values)
    text = to_yaml(config)
    assert from_mapping(parse(text, "config.yaml").values, environ={}).config == config
    assert from_mapping(config, environ={}).config == config
    assert to_yaml(from_mapping(config, environ={}).config) == text


@pytest.mark.slow
@QUICK
@given(CONFIGS)
def test_flat_keys_are_complete_and_json(values: dict[str, Any]) -> None:
    """Each key once, with a value that JSON holds and the source of it."""
    flat = to_flat(from_mapping(values, environ={}))
    assert json.loads(json.dumps(flat, allow_nan=False)) == flat
    assert {"training.epochs", "experiment.seed", "registry.uri"} <= flat.keys()


def test_a_saved_file_loads_from_disk(tmp_path: Path) -> None:
    """A run's own config.yaml is a config, also with text that is not ASCII."""
    config = from_mapping(
        {"description": "ä → 1e-4", "optimizer": {"x.y": "no"}, "early_stopping": True}, environ={}
    ).config
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load(tmp_path / "config.yaml", environ={}).config == config


def test_an_empty_config_still_says_what_it_stands_on() -> None:
    """The core keys are written even where they are the default."""
    assert parse(to_yaml(Config()), "config.yaml").values == {
        "experiment": {"output_dir": "runs"},
        "training": {"gradient_accumulation_steps": 1, "precision": "auto", "device": "auto"},
    }


def test_passwords_are_saved_only_on_request() -> None:
    """`to_flat` never shows them; `to_yaml` keeps them unless told not to."""
    resolved = from_mapping({"registry": {"uri": "postgresql://u:secret@h/d"}}, environ={})
    assert to_flat(resolved)["registry.uri"]["value"] == "postgresql://u:***@h/d"
    assert "secret" not in to_yaml(resolved.config, with_secrets=False)
    assert "secret" in to_yaml(resolved.config)


def test_flat_keys_of_the_default_config() -> None:
    """Every canonical leaf, and a section that is absent as one null."""
    flat = to_flat(from_mapping({}, environ={}))
    assert {entry["source"] for entry in flat.values()} == {"default"}
    assert flat["scheduler"]["value"] is None
    assert flat["model.args"]["value"] == {}
    absent = {"scheduler", "early_stopping", "profiling", "tuning"}
    leaves = {dotted(k.path) for k in all_keys() if k.kind in {"value", "args"} and k.path[0] not in absent}
    nested = ("data.augmentation", "registry.card", "registry.retention")
    leaves = {key for key in leaves if "*" not in key and not key.startswith(tuple(f"{name}." for name in nested))}
    assert leaves | absent | {*nested, "optimizer.groups", "callbacks", "trackers"} == set(flat)


def test_a_config_does_not_change() -> None:
    """Frozen: what was resolved is what runs."""
    with pytest.raises(ValueError, match="frozen"):
        Config().training.epochs = 3  # type: ignore[misc]


ANY_KEY = st.sampled_from([key.split(".")[-1] for key in SPELLINGS] + [k.path[-1] for k in all_keys()]) | st.text(
    max_size=5
)
ANY_VALUE = PLAIN | st.floats() | st.sampled_from(["0,1", "24:00", "val_loss", "bf16", "adamw", 10**30, "1e5", "true"])
ANY_MAPPING = st.recursive(
    st.dictionaries(ANY_KEY, ANY_VALUE, max_size=4),
    lambda inner: st.dictionaries(ANY_KEY, inner | ANY_VALUE, max_size=4),
    max_leaves=6,
)
TEXT_PIECES = st.sampled_from(
    [*SPELLINGS, "=", ".", "{", "}", "[", "1", "x", ":", " ", '"', "null", "+", "\n", "~", "\0"]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_MAPPING)
def test_any_mapping_is_a_config_or_a_config_error(values: dict[str, Any]) -> None:
    """Known keys at wrong places with wrong values never end in a trace."""
    try:
        resolved = from_mapping(values, environ={})
    except RegtrainError:
        return
    assert from_mapping(resolved.config, environ={}).config == resolved.config


@settings(max_examples=200)
@given(
    st.lists(st.lists(TEXT_PIECES, max_size=6).map("".join), max_size=2), st.lists(TEXT_PIECES, max_size=4).map("".join)
)
def test_any_command_line_and_variable_is_taken_or_refused(overrides: list[str], suffix: str) -> None:
    """Nothing but config errors there either."""
    environ = {"REGTRAIN_" + suffix.replace(".", "__").upper(): "".join(overrides)}
    try:
        load(None, overrides=overrides, environ=environ)
    except RegtrainError as error:
        assert str(error)


@settings(max_examples=150)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_config_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A file of noise is bad input."""
    file = tmp_path_factory.getbasetemp() / "noise.yaml"
    file.write_bytes(content)
    try:
        load(file, environ={})
    except RegtrainError as error:
        assert str(error)
