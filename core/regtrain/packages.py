"""Names and versions of installed distributions."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions

__all__ = ["identity_of", "installed_versions"]

_NAME = re.compile(r"^Name:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_VERSION = re.compile(r"^Version:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def identity_of(distribution: Distribution) -> tuple[str, str]:
    """Name and version; empty texts where an interrupted install left no metadata.

    Only the two fields are looked for: `Distribution.metadata` parses the whole file, README included, each time that
    it is asked, a millisecond for each of some hundred packages.
    """
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or distribution.read_text("") or ""
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    name, version = _NAME.search(head), _VERSION.search(head)
    return name[1] if name else "", version[1] if version else ""


def installed_versions() -> dict[str, str]:
    """Name of each installed distribution → its version."""
    found = map(identity_of, distributions())
    return {name: version for name, version in found if name}
