"""The types of a manifest's fields, and limits that keep a hostile manifest from filling the memory. Pure.

A manifest is refused at its first fault: for each fault pydantic would make an object, and a file of a few kilobytes
may have a million of them. So lists stop at the first item that is wrong, mappings are checked by one function, and
unknown keys are collected before they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, FailFast, Field, model_validator

from regtrain_registry.domain.identities import UID
from regtrain_registry.errors import ArchiveError, RegistryError
from regtrain_registry.refs import check_name, check_tag
from regtrain_registry.semver import parse_version
from regtrain_registry.store.blob import ALGORITHM

__all__ = [
    "HINT",
    "Count",
    "Digest",
    "Document",
    "Hash",
    "Lists",
    "Many",
    "Name",
    "Part",
    "Size",
    "Sizes",
    "Tags",
    "Texts",
    "Time",
    "Uid",
    "VersionText",
    "checked",
]

HINT = "Write one with regtrain models export-archive."
MAX_SIZE = 1 << 62

Item = TypeVar("Item")


def checked(check: Callable[[Any], Any]) -> AfterValidator:
    """A check of this package as one of pydantic's."""

    def validate(value: Any) -> Any:
        try:
            check(value)
        except RegistryError as error:
            raise ValueError(error.message) from error
        return value

    return AfterValidator(validate)


def _in_utc(time: datetime) -> datetime:
    """At either end of the calendar a time may have no other in UTC, and one database begins at the year 1000."""
    try:
        found = time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside of the calendar") from error
    if found.year < 1000:
        raise ValueError("the time is before the year 1000")
    return found


def _check_version(text: str) -> None:
    if str(parse_version(text)) != text:
        raise ArchiveError(f"{text!r} is not how that version is written", HINT)


def _check_tags(tags: Mapping[str, Any]) -> None:
    for name, value in tags.items():
        if not isinstance(value, str) or len(value) > 255:
            raise ArchiveError(f"the value of tag {name[:80]!r} is no text of up to 255 letters", HINT)
        check_tag(name, value)


def _check_sizes(sizes: Mapping[str, Any]) -> None:
    for digest, size in sizes.items():
        if not _DIGEST.fullmatch(digest):
            raise ArchiveError(f"{digest[:80]!r} is no digest", HINT)
        if type(size) is not int or not 0 <= size < MAX_SIZE:
            raise ArchiveError(f"{digest} has no size", HINT)


def _check_texts(texts: Mapping[str, Any]) -> None:
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ArchiveError(f"{name[:80]!r} is no text", HINT)


def _check_lists(lists: Mapping[str, Any]) -> None:
    for name, value in lists.items():
        if not isinstance(value, list):
            raise ArchiveError(f"{name[:80]!r} is no list", HINT)


_DIGEST_PATTERN = rf"^{ALGORITHM}:[0-9a-f]{{64}}$"
_DIGEST = re.compile(_DIGEST_PATTERN.strip("^$"))

Digest = Annotated[str, Field(pattern=_DIGEST_PATTERN)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, checked(check_name)]
VersionText = Annotated[str, Field(max_length=100), checked(_check_version)]
Uid = Annotated[str, Field(pattern=f"^{UID.pattern}$")]
Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Size = Annotated[int, Field(ge=0, lt=MAX_SIZE)]
Count = Annotated[int, Field(ge=1, lt=1 << 31)]
Many = Annotated[list[Item], FailFast()]
Document = dict[str, Any]
Tags = Annotated[Document, checked(_check_tags)]
Sizes = Annotated[Document, checked(_check_sizes)]
"""Digest → bytes."""
Texts = Annotated[Document, checked(_check_texts)]
Lists = Annotated[Document, checked(_check_lists)]


class Part(BaseModel):
    """Frozen, strict, and closed."""

    # Each unknown key that pydantic itself forbids is an error of its own.
    model_config = ConfigDict(populate_by_name=True, extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _closed(self) -> Self:
        unknown = next(iter(self.model_extra or ()), None)
        if unknown is not None:
            raise ValueError(f"there is no key {unknown[:80]!r}")
        return self
