"""Semantic versions: parsing, order as text that any database sorts alike, ranges, the next version."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from semver import Version

from regtrain_registry.errors import VersionSyntaxError
from regtrain_registry.validation import check_text

__all__ = [
    "FIRST",
    "MAX_PART",
    "MAX_PRERELEASE",
    "Bump",
    "Range",
    "Version",
    "above_line",
    "next_free",
    "next_version",
    "parse_range",
    "parse_version",
    "sort_key",
    "step",
    "without_build",
]

FIRST = Version(1, 0, 0)
MAX_PART = 999_999_999  # fits a 32-bit column, and the width of the sort key
MAX_PRERELEASE = 64

_HINT = "Write X.Y.Z or X.Y.Z-rc.1."
_BUILD = re.compile(r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*")
_PARTIAL = re.compile(r"^([0-9]{1,10})(?:\.([0-9]{1,10}))?$")
_CLAUSE = re.compile(r"^(\^|~|>=|<=|==|!=|>|<|=)\s*(\S+)$")


class Bump(StrEnum):
    """Which part of the version a change moves."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"

    @property
    def rank(self) -> int:
        """How much it says: 0 patch, 1 minor, 2 major."""
        return ("patch", "minor", "major").index(self.value)


@dataclass(frozen=True, slots=True)
class Range:
    """A set of versions: every bound holds. A bound is an operator and a sort key (see `sort_key`)."""

    text: str
    bounds: tuple[tuple[str, str], ...]
    prereleases: bool

    def contains(self, version: Version) -> bool:
        """Whether the range chooses this version; prereleases only if a bound names one."""
        if version.prerelease and not self.prereleases:
            return False
        key = sort_key(version)
        return all(_holds(key, operator, bound) for operator, bound in self.bounds)


def parse_version(text: str) -> Version:
    """`X.Y.Z` or `X.Y.Z-pre.release` as a value; `VersionSyntaxError` for anything else.

    Build metadata is no part of a version's identity and is refused, so that it cannot be lost silently.
    """
    if not (
        check_text("version", text).isascii() and text.isprintable()
    ):  # \d of the parser below takes digits of any script
        raise VersionSyntaxError(f"{text[:100]!r} is not a semantic version", _HINT)
    try:
        version = Version.parse(text)
    except ValueError as error:
        raise VersionSyntaxError(f"{text[:100]!r} is not a semantic version", _HINT) from error
    if version.build:
        raise VersionSyntaxError(
            f"{text!r} has build metadata (+{version.build})", "Leave it out; say it in the summary."
        )
    if not _fits(version) or len(version.prerelease or "") > MAX_PRERELEASE:
        raise VersionSyntaxError(
            f"{text[:100]!r} is too large",
            f"Parts go to {MAX_PART}, prereleases to {MAX_PRERELEASE} letters.",
        )
    return version


def without_build(text: str) -> str:
    """The text of a semantic version without its build metadata; any other text as it is."""
    plain, plus, build = text.partition("+")
    return plain if plus and _BUILD.fullmatch(build) else text


def sort_key(version: Version) -> str:
    """Text whose plain order is the order of semantic versions.

    Only digits and a-f occur: their order is the same in every collation, while that of capitals, hyphens
    and dots is not. Releases end in 1, prereleases go on after 0 with their identifiers in hexadecimal.
    """
    triple = _triple(version.major, version.minor, version.patch)
    return triple + ("0" + _prerelease_key(version.prerelease) if version.prerelease else "1")


def _triple(major: int, minor: int, patch: int) -> str:
    return f"{major:010d}{minor:010d}{patch:010d}"


def _prerelease_key(prerelease: str) -> str:
    """Numbers before words, numbers by value, words by their bytes, a prefix before what it begins."""
    words = []
    for identifier in prerelease.split("."):
        number = identifier.isdigit()
        words.append(f"0{len(identifier):02d}{identifier}" if number else f"1{identifier}")
    return "\x01".join(words).encode("ascii").hex()


def next_version(highest: Version | None, bump: Bump) -> Version:
    """The version after the highest one; a prerelease is followed by its release where that suffices.

    `VersionSyntaxError` where the part that moves is at its end.
    """
    version = FIRST if highest is None else highest.next_version(str(bump))
    if not _fits(version):
        raise VersionSyntaxError(f"no {bump} version comes after {highest}", f"Parts go to {MAX_PART}.")
    return version


def _fits(version: Version) -> bool:
    return max(version.major, version.minor, version.patch) <= MAX_PART


def step(before: Version, after: Version) -> Bump:
    """The part that moves from one version to a higher one. Within prereleases anything may change: major."""
    if after.major != before.major or (before.prerelease and before.finalize_version() == after.finalize_version()):
        return Bump.MAJOR
    return Bump.MINOR if after.minor != before.minor else Bump.PATCH


def above_line(version: Version, bump: Bump) -> str | None:
    """The sort key above all versions that share the parts before the one that moves; None: all of them do."""
    return None if bump is Bump.MAJOR else _above(version, 1 if bump is Bump.MINOR else 2)


def next_free(wanted: Version, taken: Collection[str]) -> list[str]:
    """For each part that is not at its end, the first version after `wanted` that is not taken; smallest step first."""
    free = []
    for bump in (Bump.PATCH, Bump.MINOR, Bump.MAJOR):
        candidate = wanted.next_version(str(bump))
        while str(candidate) in taken:
            candidate = candidate.next_version(str(bump))
        if _fits(candidate):
            free.append(str(candidate))
    return free


def parse_range(text: str) -> Range:
    """`^1.4`, `~1.4.2`, `>=1,<2` as a value; `VersionSyntaxError` for anything else."""
    bounds: list[tuple[str, str]] = []
    prereleases = False
    for clause in text.split(","):
        match = _CLAUSE.match(clause.strip())
        if match is None:
            raise VersionSyntaxError(f"{text[:100]!r} is not a range of versions", "Write ^1.4, ~1.4.2 or >=1,<2.")
        operator, operand = match.groups()
        prereleases |= "-" in operand
        bounds.extend(_bounds(operator, operand))
    return Range(text, tuple(bounds), prereleases)


def _bounds(operator: str, operand: str) -> list[tuple[str, str]]:
    """The bounds of one clause. `1.4` means every 1.4.x; upper ends lie below their prereleases."""
    partial = _PARTIAL.match(operand)
    given = [int(part) for part in partial.groups() if part is not None] if partial else []
    version = (
        parse_version(".".join(str(part) for part in [*given, 0, 0, 0][:3])) if partial else parse_version(operand)
    )
    start, width = sort_key(version), len(given) or 3
    if operator == "^":
        return [(">=", start), ("<", _above(version, min(_first_nonzero(version), width)))]
    if operator == "~":
        return [(">=", start), ("<", _above(version, min(2, width)))]
    if width == 3:
        return [("==" if operator == "=" else operator, start)]
    after = _above(version, width)
    match operator:
        case ">=" | "<":
            return [(operator, start if operator == ">=" else _below(version))]
        case ">":
            return [(">=", after)]
        case "<=":
            return [("<", after)]
        case "!=":
            raise VersionSyntaxError(f"!={operand} leaves out a whole range", "Name one version: !=1.4.2.")
    return [(">=", start), ("<", after)]


def _first_nonzero(version: Version) -> int:
    parts = (version.major, version.minor, version.patch)
    return next((place for place, part in enumerate(parts, start=1) if part), 3)


def _above(version: Version, width: int) -> str:
    """The key just below every version whose first `width` parts are greater."""
    parts = [version.major, version.minor, version.patch][:width]
    parts[-1] += 1
    return _triple(*[*parts, 0, 0][:3]) + "0"


def _below(version: Version) -> str:
    return _triple(version.major, version.minor, version.patch) + "0"


def _holds(key: str, operator: str, bound: str) -> bool:
    match operator:
        case ">=":
            return key >= bound
        case ">":
            return key > bound
        case "<=":
            return key <= bound
        case "<":
            return key < bound
        case "!=":
            return key != bound
    return key == bound
