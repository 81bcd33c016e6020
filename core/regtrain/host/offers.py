"""What plugins offer, and what is installed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any

from regtrain.packages import identity_of
from regtrain.types import KINDS, Kind

__all__ = [
    "GROUP", "Offer", "PluginInfo", "distribution_of", "fault_of", "grouped", "installed", "not_installed", "qualified",
    "singular", "version_of",
]  # fmt: skip

GROUP = "regtrain"


@dataclass(frozen=True)
class Offer:
    """One name of one plugin. `requires`: the package that the factory imports, as pip writes it; `traits`: facts
    about it, which `regtrain.types.Register` lists."""

    kind: Kind
    name: str
    factory: Callable[..., Any]
    plugin: str
    distribution: str
    requires: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict)

    def missing(self) -> str:
        """What is wrong with the required package; empty when it is there."""
        name, least = requirement(self.requires)
        if not name:
            return ""
        try:
            found = version(name)
        except PackageNotFoundError:
            return f"needs the package {name!r}, which is not installed"
        if least and _numbers(found) < _numbers(least):
            return f"needs {self.requires}, and {name} {found} is installed"
        return ""


@dataclass(frozen=True)
class PluginInfo:
    """A plugin as `regtrain plugins list` shows it. `error` is empty when it is in use."""

    name: str
    distribution: str
    version: str
    provides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    error: str = ""
    clashes: tuple[str, ...] = ()
    """What another plugin offers by the same name, as lines; a run has to say which it means."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PluginInfo:
        return cls(
            value["name"],
            value["distribution"],
            value["version"],
            {kind: tuple(names) for kind, names in value["provides"].items()},
            tuple(value["listens"]),
            value["error"] or "",
            tuple(value["clashes"]),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "provides": {kind: list(names) for kind, names in self.provides.items()},
            "listens": list(self.listens),
            "clashes": list(self.clashes),
            "error": self.error or None,
        }


def installed(environ: Mapping[str, str] = os.environ) -> list[EntryPoint]:
    """Entry points of group `regtrain`: ours first, then by distribution and name.

    REGTRAIN_LOAD_PLUGINS, a comma-separated list of plugins or distributions, limits those of other packages; an empty
    one leaves none of them.
    """
    points = entry_points(group=GROUP)
    wanted = environ.get("REGTRAIN_LOAD_PLUGINS")
    if wanted is not None:
        names = _named(wanted)
        points = type(points)(point for point in points if _is_ours(point) or names & _names_of(point))
    return sorted(points, key=lambda point: (not _is_ours(point), distribution_of(point), point.name))


def not_installed(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Names in REGTRAIN_LOAD_PLUGINS that are no installed plugin and no distribution with one."""
    known = {name for point in entry_points(group=GROUP) for name in _names_of(point)}
    return sorted(_named(environ.get("REGTRAIN_LOAD_PLUGINS", "")) - known)


def _named(text: str) -> set[str]:
    return {_normalized(name) for name in text.split(",") if name.strip()}


def _names_of(point: EntryPoint) -> set[str]:
    return {_normalized(point.name), _normalized(distribution_of(point))}


def _normalized(name: str) -> str:
    """A name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _is_ours(point: EntryPoint) -> bool:
    return distribution_of(point) == GROUP


def distribution_of(point: EntryPoint) -> str:
    """Name of the distribution; `?` where its metadata have none."""
    return _identity(point)[0] or "?"


def version_of(point: EntryPoint) -> str:
    """Version of the distribution; `?` where its metadata have none."""
    return _identity(point)[1] or "?"


def _identity(point: EntryPoint) -> tuple[str, str]:
    # the entry points of a distribution share one object, and there are dozens of them
    return _read_once(point.dist) if point.dist else ("", "")


_read_once = lru_cache(maxsize=256)(identity_of)


def requirement(text: str) -> tuple[str, str]:
    """Name and least version of `name>=version`; both empty for an empty text."""
    match = re.fullmatch(r"\s*([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:>=\s*([0-9.]+))?\s*", text)
    if match is None:
        raise ValueError(f"requires {text!r}: give a package, or package>=version")
    return match[1] or "", match[2] or ""


def _numbers(text: str) -> list[int]:
    """The leading numbers of a version."""
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return [int(part) for part in leading[0].split(".")] if leading else []


def fault_of(offers: list[Offer]) -> str:
    """What keeps the offers of one plugin from being taken."""
    seen: set[tuple[Kind, str]] = set()
    for offer in offers:
        if not isinstance(offer.name, str) or not offer.name.strip() or not callable(offer.factory):
            return f"offers a {singular(offer.kind)} {offer.name!r} that is not a name with a callable"
        if ":" in offer.name:
            return f"offers the {singular(offer.kind)} {offer.name!r}: a colon separates distribution and name"
        try:
            requirement(offer.requires)
        except (TypeError, ValueError) as problem:
            return f"offers the {singular(offer.kind)} {offer.name!r}, which {problem}"
        if (offer.kind, offer.name.lower()) in seen:
            return f"offers the {singular(offer.kind)} {offer.name!r} twice"
        seen.add((offer.kind, offer.name.lower()))
    return ""


def qualified(offer: Offer) -> str:
    return f"{offer.distribution}:{offer.name}"


def grouped(offers: list[Offer]) -> dict[str, tuple[str, ...]]:
    return {
        kind: tuple(offer.name for offer in offers if offer.kind == kind)
        for kind in KINDS
        if any(offer.kind == kind for offer in offers)
    }


def singular(kind: Kind) -> str:
    return "strategy" if kind == "strategies" else kind[:-1]
