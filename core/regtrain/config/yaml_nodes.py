"""Parser events → nodes with their places; depth, aliases, tags and keys are checked on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from regtrain.config.scalars import resolve_plain
from regtrain.errors import ConfigFileError

__all__ = ["Composer", "Mark", "Node"]

MAX_LEVELS = 32
MAX_EXPANDED = 10_000

_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_COLLECTION_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of a key: line and column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """`size` and `height` count what an alias to this node would add."""

    value: Any
    size: int = 1
    height: int = 0


def _mark(event: yaml.Event) -> Mark:
    start: Any = event.start_mark
    return Mark(start.line + 1, start.column + 1)


class Composer:
    """Builds the nodes of one text; `name` is the source in messages."""

    def __init__(self, text: str, name: str) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._name = name
        self._anchors: dict[str, Node | None] = {}
        self._expanded = 0

    def document(self) -> Node:
        node: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    raise self._refuse(event, "a second document", "Keep one document in the file.")
                node = self._node(next(self._events), 1)
        return node or Node(None)

    def _refuse(self, event: yaml.Event, problem: str, hint: str = "") -> ConfigFileError:
        mark = _mark(event)
        return ConfigFileError(f"{self._name}:{mark.line}:{mark.column}: {problem}", hint)

    def _node(self, event: yaml.Event, level: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, level)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None  # known, but not finished: an alias to it would contain itself
        scalar = isinstance(event, yaml.ScalarEvent)
        node = self._scalar(event) if scalar else self._collection(event, level)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _collection(self, event: yaml.Event, level: int) -> Node:
        if level > MAX_LEVELS:
            raise self._refuse(event, f"nested deeper than {MAX_LEVELS} levels")
        if getattr(event, "tag", None) not in _COLLECTION_TAGS:
            raise self._refuse(event, f"the tag {getattr(event, 'tag', None)} is not accepted", "Leave the tag out.")
        return self._mapping(level) if isinstance(event, yaml.MappingStartEvent) else self._sequence(level)

    def _alias(self, event: yaml.AliasEvent, level: int) -> Node:
        if event.anchor not in self._anchors:
            raise self._refuse(event, f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
        node = self._anchors[event.anchor]
        if node is None:
            raise self._refuse(event, f"the alias *{event.anchor} contains itself")
        self._expanded += node.size
        if self._expanded > MAX_EXPANDED:
            raise self._refuse(event, f"aliases expand to more than {MAX_EXPANDED} values")
        if level + node.height - 1 > MAX_LEVELS:
            raise self._refuse(event, f"nested deeper than {MAX_LEVELS} levels")
        return node

    def _scalar(self, event: Any) -> Node:
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise self._refuse(event, f"the tag {event.tag} is not accepted", "Leave the tag out.")
        if event.tag is not None or not event.implicit[0]:
            return Node(event.value)
        try:
            return Node(resolve_plain(event.value))
        except ValueError as error:
            raise self._refuse(event, str(error), "Put quotes around it if it is text.") from error

    def _sequence(self, level: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, level + 1))
        return Node(items, 1 + sum(i.size for i in items), 1 + max((i.height for i in items), default=0))

    def _mapping(self, level: int) -> Node:
        entries: dict[str, tuple[Mark, Node]] = {}
        merged: list[tuple[yaml.Event, Node]] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<"
            key = "<<" if plain else self._key(event, entries)
            value_event = next(self._events)
            # A merge adds its keys here and no level of its own.
            value = self._node(value_event, level if plain else level + 1)
            if not plain:
                entries[key] = (_mark(event), value)
            elif merged:
                raise self._refuse(event, "the key << is there twice", "Write <<: [*first, *second].")
            else:
                merged = [(value_event, v) for v in (value.value if isinstance(value.value, list) else [value])]
        for value_event, source in merged:
            if not isinstance(source.value, dict):
                raise self._refuse(value_event, "<< takes a mapping or a list of mappings")
            for key, entry in source.value.items():
                entries.setdefault(key, entry)
        children = [child for _, child in entries.values()]
        return Node(entries, 1 + sum(c.size for c in children), 1 + max((c.height for c in children), default=0))

    def _key(self, event: yaml.Event, entries: Mapping[str, tuple[Mark, Node]]) -> str:
        if isinstance(event, yaml.AliasEvent):
            key = self._alias(event, 0).value
        elif isinstance(event, yaml.ScalarEvent):
            key = self._node(event, 0).value
        else:
            raise self._refuse(event, "a key must be text, not a list or mapping")
        if not isinstance(key, str):
            shown = getattr(event, "value", None) or "null"
            raise self._refuse(event, f"the key {shown} is not text", f'Put quotes around it: "{shown}".')
        if key in entries:
            raise self._refuse(event, f"the key {key!r} is there twice, first on line {entries[key][0].line}")
        return key
