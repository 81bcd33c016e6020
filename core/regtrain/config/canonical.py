"""A `Config` back to YAML and to flat keys, in the canonical spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from regtrain.config.keys import pattern
from regtrain.config.leaves import Path, dotted, flatten
from regtrain.config.scalars import dump
from regtrain.redact import redact
from regtrain.types.config import Config

if TYPE_CHECKING:
    from regtrain.config.resolve import Resolved

__all__ = ["flat_values", "given_values", "to_flat", "to_yaml"]

# Written even where they are the default: a saved config shows what it depends on.
_CORE = frozenset(
    {
        ("experiment", "output_dir"),
        ("training", "precision"),
        ("training", "device"),
        ("training", "gradient_accumulation_steps"),
        ("callbacks", "*", "enabled"),
        ("trackers", "*", "enabled"),
    }
)


def to_yaml(config: Config, *, with_secrets: bool = True) -> str:
    """Canonical YAML of what differs from the defaults and a few core keys.

    Loading it gives an equal config, unless `with_secrets` is False and a URL held a password.
    """
    values = given_values(config)
    return dump(values if with_secrets else redact(values))


def given_values(config: Config) -> dict[str, Any]:
    """Nested values that differ from the defaults, and the core keys, in the schema's order."""
    return _given(config, ())


def _given(section: BaseModel, path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value, below = getattr(section, name), (*path, name)
        differs = value != field.get_default()
        if isinstance(value, BaseModel):
            inner = _given(value, below)
            if inner or differs:
                result[name] = inner
        elif isinstance(value, dict) and value:
            result[name] = {key: _given_item(child, (*below, key)) for key, child in value.items()}
        elif differs or pattern(below) in _CORE:
            result[name] = value
    return result


def _given_item(value: Any, path: Path) -> Any:
    return _given(value, path) if isinstance(value, BaseModel) else value


def flat_values(config: Config) -> dict[Path, Any]:
    """Every canonical leaf, defaults included. A section that is absent is one leaf of None."""
    return dict(flatten(config.model_dump()))


def to_flat(resolved: Resolved) -> dict[str, dict[str, Any]]:
    """`{key: {value, source}}` over every canonical leaf key; passwords inside URLs are shown as `***`."""
    return {
        dotted(path): {"value": redact(value, path), "source": resolved.sources[dotted(path)].text}
        for path, value in flat_values(resolved.config).items()
    }
