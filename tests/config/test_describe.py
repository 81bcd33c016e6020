"""The config explained, for editors and for people; and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from regtrain.config import explain, schema
from regtrain.config.keys import all_keys
from regtrain.config.leaves import dotted
from regtrain.config.spellings import FLAGS, SPELLINGS
from regtrain.config.yaml_source import read_file
from regtrain.errors import ConfigKeyError
from support.every import for_every

SEEDS = Path(__file__).parent / "seeds"
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def complaints(value: Any, rule: dict[str, Any], document: dict[str, Any], path: str = "") -> Iterator[str]:
    """A small JSON Schema check: just the keywords that the config's schema uses."""
    if "$ref" in rule:
        rule = {**document["$defs"][rule["$ref"].rsplit("/", 1)[-1]], **{k: v for k, v in rule.items() if k != "$ref"}}
    if "anyOf" in rule:
        options = [list(complaints(value, option, document, path)) for option in rule["anyOf"]]
        if all(options):
            yield f"{path}: fits no option ({'; '.join(option[0] for option in options)})"
    names = rule.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(fits(value, name) for name in names):
        yield f"{path}: {value!r} is no {names}"
    if "enum" in rule and value not in rule["enum"]:
        yield f"{path}: {value!r} not in {rule['enum']}"
    if isinstance(value, int | float) and value < rule.get("minimum", value):
        yield f"{path}: {value!r} too small"
    if isinstance(value, dict):
        for key, child in value.items():
            inner = rule.get("properties", {}).get(key, rule.get("additionalProperties", True))
            if inner is False:
                yield f"{path}.{key}: not a key"
            elif isinstance(inner, dict):
                yield from complaints(child, inner, document, f"{path}.{key}")


def fits(value: Any, name: str) -> bool:
    """JSON's types: true is no number."""
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


DOCUMENT = schema()


@for_every(sorted(path.stem for path in SEEDS.glob("*.yaml")))
def test_an_editor_accepts_every_example(name: str) -> None:
    """No example is underlined in red."""
    assert list(complaints(read_file(SEEDS / f"{name}.yaml").values, DOCUMENT, DOCUMENT)) == []


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"training": {"epochs": 0}}, ".training"),
        ({"training": {"epochs": "ten"}}, ".training"),
        ({"training": {"epoch_s": 3}}, ".training"),
        ({"gpu": {"usee": "0"}}, ".gpu.usee"),
        ({"epochs": "ten"}, ".epochs"),
        ({"checkpoint": {"mode": "most"}}, ".checkpoint"),
    ],
)
def test_an_editor_marks_what_the_loader_refuses(values: dict[str, Any], where: str) -> None:
    """The schema is wider than the loader, but not empty."""
    found = list(complaints(values, DOCUMENT, DOCUMENT))
    assert [line.startswith(where) for line in found] == [True]


def test_the_schema_is_json_of_the_announced_draft() -> None:
    """With nothing in it that JSON does not hold."""
    assert json.loads(json.dumps(DOCUMENT, allow_nan=False)) == DOCUMENT
    assert DOCUMENT["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_of_the_schema_is_described() -> None:
    """Description for each, and a default for each canonical key except the one that is required."""
    keys = [key for key in all_keys() if key.path[-1] != "*"]
    assert [dotted(key.path) for key in keys if not key.description] == []
    without = [dotted(key.path) for key in keys if "default" not in key.schema]
    assert without == ["tuning.search_space.*.type"]
    for definition in [DOCUMENT, *DOCUMENT["$defs"].values()]:
        assert [k for k, prop in definition["properties"].items() if "description" not in prop] == []


def test_to_explain_leaves_the_schema_as_it_is() -> None:
    """What is handed out is a copy."""
    schema()["properties"].clear()
    assert schema() == DOCUMENT


EXPLAINED = [dotted(key.path) for key in all_keys() if key.path[:3] != ("tuning", "search_space", "*")]


@for_every([*EXPLAINED, 'tuning.search_space."optimizer.lr".low'])
def test_every_key_can_be_explained(key: str) -> None:
    """Sections and leaves, by their canonical name."""
    found = explain(key)
    assert found.key == key
    assert found.type
    assert found.flag == FLAGS.get(key)


@for_every([s for s in SPELLINGS if "*" not in s])
def test_every_spelling_can_be_explained(spelling: str) -> None:
    """It leads to its canonical key, which lists it."""
    found = explain(spelling)
    assert found.key != spelling
    assert spelling in found.spellings


def test_an_explanation_says_it_all() -> None:
    """Canonical key, type, default, meaning, spellings, variable and flag."""
    found = explain("batch")
    assert found.key == "training.batch_size"
    assert found.type == "a whole number of at least 1"
    assert found.default is None
    assert found.description.startswith("Samples per batch")
    assert {"batch", "batch_size", "data.batch_size", "dataloader.batch_size"} <= set(found.spellings)
    assert found.environment == "REGTRAIN_BATCH_SIZE"
    assert found.flag == "--batch-size"


def test_an_argument_is_explained_by_its_section() -> None:
    """Its variable is the one that keeps letter case."""
    found = explain("scheduler.T_max")
    assert (found.key, found.environment) == ("scheduler.args.T_max", "REGTRAIN_SCHEDULER__ARGS")
    assert "scheduler" in found.description


@pytest.mark.parametrize(
    ("key", "near"), [("epocs", "epochs"), ("training.lrr", "training.lr"), ("", "key"), ("a..b", "key")]
)
def test_what_is_no_key_cannot_be_explained(key: str, near: str) -> None:
    """The nearest key comes instead."""
    with pytest.raises(ConfigKeyError) as caught:
        explain(key)
    assert near in caught.value.hint


@pytest.mark.slow
def test_the_config_costs_no_heavy_import() -> None:
    """`regtrain config show` must not wait for torch."""
    code = "import sys, regtrain.config; print(sorted({'torch', 'numpy', 'pluggy', 'sqlalchemy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
