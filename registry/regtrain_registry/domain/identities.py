"""The identity of a version, the same in every registry, and the name that follows from it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from regtrain_registry.semver import MAX_PRERELEASE, Version, parse_version

__all__ = ["UID", "Identity", "home_of", "qualified_version"]

UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The uid of a registry."""

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


def qualified_version(identity: Identity) -> Version:
    """The version with the suffix of its home, for where another one has its name: a prerelease.

    It follows from the identity alone, so that it is the same in every registry, whatever the order of imports.
    """
    version = parse_version(identity.version)
    home = f"from-{identity.registry.replace('-', '')[:12]}"
    prerelease = f"{version.prerelease}.{home}" if version.prerelease else home
    if len(prerelease) > MAX_PRERELEASE:
        prerelease = f"{home}-{hashlib.sha256(identity.version.encode()).hexdigest()[:12]}"
    return Version(version.major, version.minor, version.patch, prerelease)


def home_of(version: Version) -> str | None:
    """The first 12 hexadecimal digits of the home's uid in a qualified version; None for any other version."""
    match = _HOME.fullmatch(version.prerelease or "")
    return match[1] if match else None
