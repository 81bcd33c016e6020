"""The canonical keys as a tree, read off the schema, and what each key allows in words for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from regtrain.config.leaves import Path
from regtrain.types.config import Config

__all__ = ["KeyInfo", "all_keys", "allowed", "find", "json_schema", "not_learned", "pattern", "root"]

_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key. `names` holds sections under any name (child `*`); below `args` anything may stand."""

    path: Path
    kind: Literal["section", "names", "args", "value"]
    schema: Mapping[str, Any]
    nullable: bool = False
    children: Mapping[str, KeyInfo] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether unknown keys of this section belong to its `args`."""
        return "args" in self.children

    @property
    def description(self) -> str:
        return str(self.schema.get("description", ""))

    @property
    def default(self) -> Any:
        return self.schema.get("default")


@cache
def root() -> KeyInfo:
    """The whole config as one section."""
    schema = json_schema()
    return _read((), schema, schema["$defs"])


def json_schema() -> dict[str, Any]:
    """Pydantic's JSON Schema with the bounds of `int | float` in the words of JSON Schema."""
    schema: dict[str, Any] = _standard(Config.model_json_schema())
    return schema


def _standard(node: Any) -> Any:
    if isinstance(node, list):
        return [_standard(child) for child in node]
    if not isinstance(node, dict):
        return node
    names = {"gt": "exclusiveMinimum", "ge": "minimum"} if "anyOf" in node else {}
    return {names.get(key, key): _standard(child) for key, child in node.items()}


def _read(path: Path, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> KeyInfo:
    options = schema.get("anyOf", [schema])
    nullable = any(option.get("type") == "null" for option in options)
    for option in options:
        target = definitions[option["$ref"].rsplit("/", 1)[-1]] if "$ref" in option else option
        if "properties" in target:
            fields = {name: _read((*path, name), sub, definitions) for name, sub in target["properties"].items()}
            return KeyInfo(path, "section", schema, nullable, fields)
        if target.get("additionalProperties") is True:
            return KeyInfo(path, "args", schema, nullable)
        if isinstance(target.get("additionalProperties"), dict):
            child = _read((*path, "*"), target["additionalProperties"], definitions)
            return KeyInfo(path, "names", schema, nullable, {"*": child})
    return KeyInfo(path, "value", schema, nullable)


def find(path: Path) -> tuple[KeyInfo, int]:
    """The deepest known key on the way to `path`, and how many segments lead there.

    All segments: `path` is a key. Fewer: the rest belongs to open arguments (kind `args`), lies below a
    value (kind `value`), or is unknown.
    """
    info = root()
    for depth, segment in enumerate(path):
        below = info.children.get("*") if info.kind == "names" else info.children.get(segment)
        if below is None:
            return info, depth
        info = below
    return info, len(path)


def pattern(path: Path) -> Path:
    """The path with `*` for each segment that is the user's own name, as spelling rules write it."""
    info = root()
    segments = []
    for depth, segment in enumerate(path):
        if info.kind == "names":
            segments.append("*")
            info = info.children["*"]
        elif segment in info.children:
            segments.append(segment)
            info = info.children[segment]
        else:
            return (*segments, *path[depth:])
    return tuple(segments)


def all_keys(info: KeyInfo | None = None) -> Iterator[KeyInfo]:
    """Every key below, sections included, in the schema's order; without `info` those of the whole config."""
    for child in (info or root()).children.values():
        yield child
        yield from all_keys(child)


def not_learned() -> frozenset[str]:
    """The keys that the schema marks as no part of the recipe; each covers everything below it."""
    return frozenset(".".join(key.path) for key in all_keys() if key.schema.get("x-recipe") is False)


def allowed(info: KeyInfo) -> str:
    """What may stand there: "a whole number of at least 1", "one of min, max"."""
    if info.kind in {"names", "args"}:
        return "a mapping"
    if info.kind == "section":
        choices = f"a mapping with {', '.join(info.children)}"
        return f"{choices}, or a list" if _takes_list(info.schema) else choices
    return _words(info.schema)


def _takes_list(schema: Mapping[str, Any]) -> bool:
    return any(option.get("type") == "array" for option in schema.get("anyOf", []))


def _words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        options = [option for option in schema["anyOf"] if option.get("type") != "null"]
        numbers = [option for option in options if option.get("type") in {"integer", "number"}]
        # "a whole number or a number" says no more than "a number".
        chosen = numbers[-1:] if len(numbers) == len(options) else options
        return " or ".join(_words(option) for option in chosen) + _bounds(schema)
    if "enum" in schema:
        return f"one of {', '.join(str(choice) for choice in schema['enum'])}"
    if schema.get("type") == "array" and schema.get("items", {}).get("type") in _WORDS:
        return f"a list, each {_words(schema['items'])}"
    return _WORDS.get(str(schema.get("type")), "any value") + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']:g} to {schema['maximum']:g}"
    if "minimum" in schema:
        return f" of at least {schema['minimum']:g}"
    return f" above {schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else ""
