"""What is said of a version, as it follows from everything that was done to it in whatever registry. Pure.

The events about a version are a set that only grows, and what is said follows from the set alone: so two registries
that know the same events say the same, in whatever order these came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from regtrain_registry.domain.events import EventKind
from regtrain_registry.domain.identities import UID, Identity
from regtrain_registry.domain.records import VersionStatus
from regtrain_registry.errors import RegistryError
from regtrain_registry.json_values import as_text
from regtrain_registry.refs import check_name, check_tag
from regtrain_registry.semver import parse_version

__all__ = ["Said", "fold", "in_order"]

_MAX_NUMBER = 2**31 - 1


class Told(Protocol):
    """An event about a version: the registry and the model in whose line it stands, and where there."""

    @property
    def registry(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def hash(self) -> str: ...


T = TypeVar("T", bound=Told)


@dataclass(frozen=True, slots=True)
class Said:
    """What people say of a version. deprecation: why it was ever advised against, which nothing takes back."""

    summary: str
    tags: Mapping[str, str]
    archived: bool = False
    why_archived: str | None = None
    deprecation: str | None = None
    successor: Identity | None = None

    @property
    def status(self) -> VersionStatus:
        """Ready, deprecated or archived: whether its files are there is another matter."""
        if self.archived:
            return VersionStatus.ARCHIVED
        return VersionStatus.READY if self.deprecation is None else VersionStatus.DEPRECATED

    @property
    def reason(self) -> str | None:
        """Why it has that status."""
        return self.why_archived if self.archived else self.deprecation


def in_order(events: Iterable[T]) -> list[T]:
    """Each event once, by its time, registry and place there.

    What stands in one line keeps its order, even where the clock of that registry was set back.
    """
    lines: dict[tuple[str, str], list[T]] = defaultdict(list)
    for event in {event.hash: event for event in events}.values():
        lines[event.registry, event.model].append(event)
    placed = []
    for line, told in lines.items():
        moment = None
        for event in sorted(told, key=lambda one: (one.seq, one.at, one.hash)):
            moment = event.at if moment is None else max(moment, event.at)
            placed.append(((moment, line, event.seq, event.hash), event))
    return [event for _, event in sorted(placed, key=lambda one: one[0])]


def fold(before: Said, events: Iterable[Told]) -> Said:
    """What is said after these events: of each thing by the last one that speaks of it, else as before.

    A stranger may have written an event: what does not read as one of ours says nothing.
    """
    said, tags = before, dict(before.tags)
    for event in in_order(events):
        match event.kind:
            case EventKind.TAGGED | EventKind.UNTAGGED:
                _tag(tags, event)
            case EventKind.DESCRIBED if isinstance(text := event.facts.get("text"), str):
                said = replace(said, summary=as_text(text))
            case EventKind.DEPRECATED if isinstance(reason := event.facts.get("reason"), str):
                said = replace(said, deprecation=as_text(reason), successor=_successor(event.facts, before))
            case EventKind.ARCHIVED:
                why = event.facts.get("reason")
                said = replace(said, archived=True, why_archived=as_text(why) if isinstance(why, str) else None)
            # Whoever brings back what expired says nothing about it: that was its registry's own affair.
            case EventKind.RESTORED if event.facts.get("from") == VersionStatus.ARCHIVED.value:
                said = replace(said, archived=False, why_archived=None)
    return replace(said, tags=tags)


def _tag(tags: dict[str, str], event: Told) -> None:
    name, value = event.facts.get("tag"), event.facts.get("value")
    if not isinstance(name, str):
        return
    if event.kind == EventKind.UNTAGGED:
        tags.pop(name, None)
    elif isinstance(value, str):
        try:
            name, value = check_tag(name, value)
        except RegistryError:
            return
        tags[name] = value


def _successor(facts: Mapping[str, Any], before: Said) -> Identity | None:
    """Which version to take instead. An event without its identity names it by what only its own registry knows."""
    if "successor_home" not in facts:
        return None if facts.get("successor") is None else before.successor
    match facts["successor_home"]:
        case {"registry": str(registry), "model": str(model), "version": str(version), "number": int(number)}:
            if not UID.fullmatch(registry) or isinstance(number, bool) or not 1 <= number <= _MAX_NUMBER:
                return None
            try:
                known = str(parse_version(version)) == version
                return Identity(registry, check_name(model), version, number) if known else None
            except RegistryError:
                return None
    return None
