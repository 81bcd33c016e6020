"""How a version is named: `NAME@1.4.0`, `NAME@^1.4`, `NAME@champion`, `NAME/3`, `models:/NAME/latest`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from regtrain_registry.errors import NameNotAllowedError, RefSyntaxError, VersionSyntaxError
from regtrain_registry.json_values import fitting
from regtrain_registry.semver import Range, Version, parse_range, parse_version, without_build
from regtrain_registry.validation import check_text

__all__ = [
    "Alias",
    "Exact",
    "Latest",
    "Number",
    "Ref",
    "Within",
    "check_alias",
    "check_apart",
    "check_artifact_name",
    "check_name",
    "check_tag",
    "parse_ref",
    "slug",
]

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_RULE = "Names have 1 to 64 of a-z, 0-9, dot, hyphen, underscore; first and last a letter or digit; no '..'."
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_ALIAS = re.compile(r"[a-z]([a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED_ALIAS = re.compile(r"latest|v[0-9]+")
_TAG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?")
_TAG_RULE = "1 to 64 of A-Z, a-z, 0-9, dot, hyphen, underscore, slash; first and last a letter or digit."
_PATH_PART = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_MAX_NUMBER = 2**31 - 1
_SCHEME = "models:/"
_FORMS = "Write NAME, NAME@1.4.0, NAME@^1.4, NAME@latest, NAME@ALIAS or NAME/3, also behind models:/."


@dataclass(frozen=True, slots=True)
class Latest:
    """The highest version that is neither archived nor a prerelease."""

    def __str__(self) -> str:
        return "@latest"


@dataclass(frozen=True, slots=True)
class Exact:
    """One semantic version."""

    version: Version

    def __str__(self) -> str:
        return f"@{self.version}"


@dataclass(frozen=True, slots=True)
class Within:
    """The highest version of a range."""

    range: Range

    def __str__(self) -> str:
        return f"@{self.range.text}"


@dataclass(frozen=True, slots=True)
class Alias:
    """The version that carries an alias."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Number:
    """The n-th registered version of the model, from 1."""

    number: int

    def __str__(self) -> str:
        return f"/{self.number}"


Selector = Latest | Exact | Within | Alias | Number


@dataclass(frozen=True, slots=True)
class Ref:
    """A model and which of its versions."""

    model: str
    selector: Selector

    def __str__(self) -> str:
        return f"{self.model}{self.selector}"


def parse_ref(text: str) -> Ref:
    """Text to value; else `RefSyntaxError`, `NameNotAllowedError` or `VersionSyntaxError`."""
    body = check_text("name of a version", text).strip().removeprefix(_SCHEME)
    name, at, rest = body.partition("@")
    if at:
        return Ref(check_name(name), _after_at(text, rest))
    name, slash, rest = body.partition("/")
    return Ref(check_name(name), _after_slash(text, rest) if slash else Latest())


def _after_at(text: str, rest: str) -> Selector:
    if rest == "latest":
        return Latest()
    if rest[:1] in set("^~<>=!"):
        return Within(parse_range(rest))
    if rest[:1].isdigit():
        return Exact(_version(text, rest))
    if not _ALIAS.fullmatch(rest) or _RESERVED_ALIAS.fullmatch(rest):
        raise RefSyntaxError(f"{text!r}: {rest!r} is neither a version nor an alias", _FORMS)
    return Alias(rest)


def _after_slash(text: str, rest: str) -> Selector:
    if rest == "latest":
        return Latest()
    if rest.isascii() and rest.isdigit() and 0 < int(rest[:11]) <= _MAX_NUMBER:
        return Number(int(rest[:11]))
    if rest[:1].isdigit() and "." in rest:
        return Exact(_version(text, rest))
    raise RefSyntaxError(f"{text!r}: {rest!r} is neither a number nor a version", _FORMS)


def _version(text: str, rest: str) -> Version:
    try:
        # Build metadata is no part of a version's identity: 1.4.0+cpu names 1.4.0.
        return parse_version(without_build(rest))
    except VersionSyntaxError as error:
        raise RefSyntaxError(f"{text!r}: {error.message}", f"Write X.Y.Z, or a range such as ^{rest}.") from error


def check_name(name: str) -> str:
    """The name itself when a model may be called so; else `NameNotAllowedError`."""
    if not _NAME.fullmatch(check_text("name of the model", name)) or ".." in name:
        raise NameNotAllowedError(f"{name[:80]!r} is not a name for a model", _RULE + _proposal(name))
    if name.split(".", maxsplit=1)[0] in _DEVICES:
        raise NameNotAllowedError(f"{name!r} is the name of a device on Windows", "Choose another name.")
    return name


def check_alias(name: str) -> str:
    """The name itself when an alias may be called so: it must not read as a version, a number or `latest`."""
    if not _ALIAS.fullmatch(check_text("name", name)) or ".." in name or name.split(".", maxsplit=1)[0] in _DEVICES:
        raise NameNotAllowedError(f"{name[:80]!r} is not a name for an alias", "Begin with a letter. " + _RULE)
    if _RESERVED_ALIAS.fullmatch(name):
        raise NameNotAllowedError(f"{name!r} is reserved", "Choose another alias, such as champion.")
    return name


def check_tag(name: str, value: str) -> tuple[str, str]:
    """Name and value of a tag as they are stored; else `NameNotAllowedError` or `TextTooLongError`."""
    if not _TAG.fullmatch(check_text("name of the tag", name)):
        raise NameNotAllowedError(f"{name[:80]!r} is not a name for a tag", _TAG_RULE)
    return name, fitting("value of the tag", value, 255)


def check_artifact_name(name: str) -> str:
    """A relative path of plain parts, safe to create below any folder; else `NameNotAllowedError`."""
    parts = check_text("name of the file", name).split("/")
    plain = all(_PATH_PART.fullmatch(part) and part.split(".")[0].lower() not in _DEVICES for part in parts)
    if not plain or len(name) > 255 or ".." in name:
        raise NameNotAllowedError(
            f"{name[:80]!r} is not a name for an artifact",
            "Use parts of A-Z, a-z, 0-9, dot, hyphen, underscore.",
        )
    return name


def check_apart(names: Iterable[str]) -> None:
    """Names of files that are unpacked together: `NameNotAllowedError` unless they differ in more than the case of
    letters, and none is a folder of another."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise NameNotAllowedError(f"two files are called {name!r}", "Give each its own name.")
        seen.add(name.lower())
    for name in seen:
        folder = next((name[: at.start()] for at in re.finditer("/", name) if name[: at.start()] in seen), None)
        if folder is not None:
            raise NameNotAllowedError(f"{folder!r} is both a file and a folder", "Give the file another name.")


def slug(text: str) -> str:
    """A legal model name made from any text; `model` when nothing of it can be kept."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    plain = re.sub(r"[^a-z0-9._-]+", "-", plain)
    plain = re.sub(r"\.{2,}", ".", plain)[:64].strip("._-")
    if not plain:
        return "model"
    return f"model-{plain}"[:64].rstrip("._-") if plain.split(".")[0] in _DEVICES else plain


def _proposal(name: str) -> str:
    proposal = slug(name)
    return f" Perhaps {proposal}?" if name.strip() and proposal != "model" else ""
