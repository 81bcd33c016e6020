"""Every configuration example that regtrain promises to load, key by key.

`seeds/A-01.yaml` is an example as people write it; `seeds/A-01.json` holds its complete canonical meaning: each
key that differs from the default, and no other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regtrain.config import Config, load, to_yaml
from regtrain.errors import ConfigFileError
from support.every import for_every

SEEDS = Path(__file__).parent / "seeds"
NAMES = sorted(path.stem for path in SEEDS.glob("*.yaml"))


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted leaves of a dumped config, written apart from the loader's own flattening."""
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    leaves: dict[str, Any] = {}
    for key, child in value.items():
        name = f'"{key}"' if "." in key else key
        leaves.update(flat(child, f"{prefix}.{name}" if prefix else name))
    return leaves


def differing(config: Config) -> dict[str, Any]:
    """Keys of a config whose value is not the default's."""
    default = flat(Config().model_dump())
    missing = object()
    return {k: v for k, v in flat(config.model_dump()).items() if default.get(k, missing) != v}


def typed(values: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Values with their types, because True == 1 and 1 == 1.0."""
    return {key: (type(value).__name__, value) for key, value in values.items()}


@for_every(NAMES)
def test_an_example_means_exactly_what_stands_beside_it(name: str) -> None:
    """An example gives the expected canonical keys and leaves every other key at its default."""
    expected = json.loads((SEEDS / f"{name}.json").read_text())
    config = load(SEEDS / f"{name}.yaml", environ={}).config
    assert typed(differing(config)) == typed(expected)


@for_every(NAMES)
def test_an_example_survives_its_canonical_form(name: str, tmp_path: Path) -> None:
    """The canonical YAML of an example loads again as the equal config."""
    config = load(SEEDS / f"{name}.yaml", environ={}).config
    saved = tmp_path / "config.yaml"
    saved.write_text(to_yaml(config))
    assert load(saved, environ={}).config == config


def test_each_example_has_its_expectation() -> None:
    """No example stands without expected keys, and none of the 62 was lost."""
    assert sorted(path.stem for path in SEEDS.glob("*.json")) == NAMES
    assert len(NAMES) == 62


@pytest.mark.parametrize("names", [("E-08a", "E-08b", "E-08c"), ("E-10a", "E-10b", "E-10c")])
def test_alternatives_in_one_file_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    """Alternatives listed one after the other repeat a key, and the error names both lines."""
    parts = [(SEEDS / f"{name}.yaml").read_text() for name in names]
    file = tmp_path / "all.yaml"
    file.write_text("".join(parts))
    second = parts[0].count("\n") + 1
    with pytest.raises(ConfigFileError, match=rf"all\.yaml:{second}:1: .* is there twice, first on line 1"):
        load(file, environ={})
