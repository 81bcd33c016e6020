"""Who a version is, wherever it is taken; and what it is called there. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from regtrain_registry.semver import MAX_PRERELEASE, Version, parse_version

__all__ = ["UID", "Identity", "home_in", "name_elsewhere"]

UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How a registry is known everywhere."""

_HOME = re.compile(r"(?:.*\.)?from-([0-9a-f]{12})(?:-[0-9a-f]{12})?")


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """The uid of the registry where a version was made, and its model, version and number there."""

    registry: str
    model: str
    version: str
    number: int

    def __str__(self) -> str:
        return f"{self.model}@{self.version} of registry {self.registry}"

    def to_json(self) -> dict[str, Any]:
        """All four fields."""
        return {"registry": self.registry, "model": self.model, "version": self.version, "number": self.number}


def name_elsewhere(who: Identity) -> Version:
    """What a version is called where another one has its name: a prerelease that tells its home.

    It follows from who the version is, so that it is the same wherever, and in whatever order, versions come together.
    """
    version = parse_version(who.version)
    home = f"from-{who.registry.replace('-', '')[:12]}"
    prerelease = f"{version.prerelease}.{home}" if version.prerelease else home
    if len(prerelease) > MAX_PRERELEASE:
        prerelease = f"{home}-{hashlib.sha256(who.version.encode()).hexdigest()[:12]}"
    return Version(version.major, version.minor, version.patch, prerelease)


def home_in(version: Version) -> str | None:
    """The first 12 hexadecimal digits of the uid of the home that a name elsewhere tells; None for any other name."""
    told = _HOME.fullmatch(version.prerelease or "")
    return told[1] if told else None
