"""Values given in Python → what a YAML file could have said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from regtrain.config.keys import KeyInfo
from regtrain.config.leaves import dotted
from regtrain.errors import ConfigValueError

__all__ = ["plain_mapping", "without_empty_sections"]

_MAX_LEVELS = 32
_INT_LIMIT = 2**64


def plain_mapping(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of mappings, lists, text, numbers, booleans and None; tuples become lists, paths become text.

    Raises:
        ConfigValueError: something else, keys that are not text, or nesting beyond 32 levels.
    """
    plain = _plain(mapping, ())
    if not isinstance(plain, dict):
        raise ConfigValueError(f"config: a config is a mapping, not {type(mapping).__name__}")
    return plain


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    key = dotted(path) or "the config"
    if len(path) > _MAX_LEVELS:
        raise ConfigValueError(f"config: {dotted(path[:3])}… is nested deeper than {_MAX_LEVELS} levels")
    if isinstance(value, Mapping):
        wrong = next((name for name in value if not isinstance(name, str)), None)
        if wrong is not None:
            raise ConfigValueError(f"config: {key} has the key {wrong!r}, which is not text", f'Write "{wrong}".')
        return {str(name): _plain(child, (*path, name)) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child, (*path, "[]")) for child in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, str):
        return _unicode(value, key)
    if isinstance(value, int) and abs(value) >= _INT_LIMIT:
        raise ConfigValueError(f"config: {key} does not fit 64 bits")
    if value is None or type(value) in {bool, int, float}:
        return value
    raise ConfigValueError(
        f"config: {key} is a {type(value).__name__}, which a saved config cannot hold",
        "Give text, numbers, lists and mappings; hand objects to the Python API's own arguments.",
    )


def _unicode(text: str, key: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigValueError(f"config: {key} is not Unicode text") from error
    return text


def without_empty_sections(values: Mapping[str, Any], info: KeyInfo) -> dict[str, Any]:
    """Leave out sections that say null, unless null is what switches them off."""
    result = {}
    for name, value in values.items():
        child = info.children.get("*" if info.kind == "names" else name)
        if child is None or child.kind in {"value", "args"}:
            # Null arguments are no arguments.
            if not (child is not None and child.kind == "args" and value is None):
                result[name] = value
        elif isinstance(value, dict):
            result[name] = without_empty_sections(value, child)
        elif value is not None or child.nullable:
            result[name] = value
    return result
