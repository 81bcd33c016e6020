"""The config explained: JSON Schema for editors, and one key at a time for people."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regtrain.config.keys import KeyInfo, all_keys, allowed, find, json_schema, pattern
from regtrain.config.leaves import Leaf, Path, Source, dotted, split_dotted
from regtrain.config.rewrite import rewrite_path, unknown_key
from regtrain.config.spellings import FLAGS, SHORT_VARIABLES, rules, spelled_at
from regtrain.errors import ConfigKeyError
from regtrain.types.config.values import PRECISIONS

__all__ = ["Explanation", "explain", "schema"]


# Keys that the loader converts, with what else it takes there.
_CONVERTED: Mapping[Path, Mapping[str, Any]] = {
    ("training", "precision"): {"enum": [16, 32, *PRECISIONS]},
    ("distributed", "devices"): {"type": ["string", "integer"]},
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """All about one key. `type` is in words; `spellings` are its other names; not every key has a flag."""

    key: str
    type: str
    default: Any
    description: str
    spellings: tuple[str, ...]
    environment: str
    flag: str | None


def explain(key: str) -> Explanation:
    """Explain a canonical key, a section, or any accepted spelling of one.

    Raises:
        ConfigKeyError: no such key; the message names the nearest.
    """
    try:
        written = split_dotted(key)
    except ValueError as error:
        raise ConfigKeyError(str(error), "Write a key such as training.epochs.") from error
    path = next(rewrite_path(written, {}))[0]
    problem = unknown_key(Leaf(path, None, Source("command line", key), key, written))
    if problem is not None:
        raise ConfigKeyError(f"no such key {problem.key}", problem.advice())
    info, depth = find(path)
    return Explanation(
        key=dotted(path),
        type=allowed(info) if depth == len(path) else "whatever the named thing takes",
        default=copy.deepcopy(info.default) if depth == len(path) else None,
        description=info.description,
        spellings=_spellings_of(path),
        # Variables have no letter case, arguments do: REGTRAIN_SCHEDULER__ARGS='{T_max: 5}' keeps it.
        environment=_variable_of(path if info.kind != "args" else path[:depth]),
        flag=FLAGS.get(dotted(path[: depth + 1])) or FLAGS.get(dotted(path[:depth])),
    )


def _spellings_of(path: Path) -> tuple[str, ...]:
    shape = pattern(path)
    targets = ((left, next(rewrite_path(left, {}))[0]) for left in rules())
    return tuple(dotted(left) for left, target in targets if target in {path, shape})


def _variable_of(path: Path) -> str:
    short = next((name for name, key in SHORT_VARIABLES.items() if key == dotted(path)), None)
    return short or "REGTRAIN_" + "__".join(path).upper()


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a config file: every key, described, with its spellings.

    Editors complete and check with it. It is wider than the loader in two places: any mapping may stand at
    the root (a stage's own section), and a section takes a name where the loader does.
    """
    document = json_schema()
    definitions: dict[str, Any] = document["$defs"]
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = "regtrain config"
    for definition in definitions.values():
        if "args" in definition.get("properties", {}):
            definition["additionalProperties"] = True
    for path in _CONVERTED:
        if (section := _definition(document, path[:-1])) is not None:
            _accept_converted(section["properties"][path[-1]], path)
    for left in rules():
        if "*" not in left:
            _add_spelling(document, left)
    for info in all_keys():
        if info.kind in {"section", "names"}:
            _allow_short_form(document, info)
    document["additionalProperties"] = {"type": ["object", "null"], "description": "A stage's own section."}
    return document


def _definition(document: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """The object definition that a section's properties stand in."""
    node = document
    for segment in path:
        below = node.get("properties", {}).get(segment) or node.get("additionalProperties")
        if not isinstance(below, dict):
            return None
        node = _object(document, below)
    return node


def _object(document: dict[str, Any], prop: dict[str, Any]) -> dict[str, Any]:
    options: list[dict[str, Any]] = prop.get("anyOf", [prop])
    for option in options:
        if "$ref" in option:
            found: dict[str, Any] = document["$defs"][option["$ref"].rsplit("/", 1)[-1]]
            return found
        if "additionalProperties" in option or "properties" in option:
            return option
    return prop


def _add_spelling(document: dict[str, Any], left: Path) -> None:
    parent = _definition(document, left[:-1])
    if parent is None:
        names = {"type": ["object", "null"], "additionalProperties": False, "properties": {}}
        parent = document["properties"].setdefault(left[0], names)
        parent["description"] = f"Accepted for {', '.join(sorted(_targets(left[0])))}."
    path = next(rewrite_path(left, {}))[0]
    info, depth = find(path)
    prop = copy.deepcopy(dict(info.schema)) if depth == len(path) else {}
    prop["description"] = f"Accepted for {dotted(path)}. {info.description}".strip()
    prop.pop("default", None)
    _accept_converted(prop, path)
    parent["properties"].setdefault(left[-1], prop)
    if info.kind in {"section", "names"} and depth == len(path):
        _widen(parent["properties"][left[-1]])


def _accept_converted(prop: dict[str, Any], path: Path) -> None:
    if path in _CONVERTED:
        _add_option(prop, _CONVERTED[path])


def _targets(section: str) -> set[str]:
    return {dotted(next(rewrite_path((section, name), {}))[0]) for name in spelled_at((section,))}


def _allow_short_form(document: dict[str, Any], info: KeyInfo) -> None:
    parent = _definition(document, info.path[:-1])
    if parent is None:
        return
    name = info.path[-1]
    _widen(parent["additionalProperties"] if name == "*" else parent["properties"][name])


def _widen(prop: dict[str, Any]) -> None:
    """A name, a switch or nothing in place of a section."""
    _add_option(prop, {"type": ["string", "boolean", "null", "integer", "array"]})


def _add_option(prop: dict[str, Any], option: Mapping[str, Any]) -> None:
    if option in prop.get("anyOf", []):
        return
    kept = {key: prop.pop(key) for key in list(prop) if key not in {"description", "default", "title"}}
    options = kept.pop("anyOf", None) or [kept]
    prop["anyOf"] = [*options, dict(option)]
