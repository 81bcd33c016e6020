"""The event log of a model: append-only, each event chained by hash to the one before. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from regtrain_registry.json_values import iso

__all__ = ["Event", "EventKind", "broken_link", "canonical", "event_hash", "wrong_name"]


class EventKind(StrEnum):
    """The kinds of changes of a model or of one of its versions."""

    REGISTERED = "registered"
    ALIAS_SET = "alias_set"
    ALIAS_REMOVED = "alias_removed"
    PROMOTED = "promoted"
    DEMOTED = "demoted"
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    DESCRIBED = "described"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"
    RESTORED = "restored"
    EXPIRED = "expired"
    COLLECTED = "collected"
    POLICY_SET = "policy_set"
    EXPORTED = "exported"
    SIGNED = "signed"
    VERIFIED = "verified"
    IMPORTED = "imported"
    RENAMED = "renamed"
    MERGED = "merged"  # written by an older release


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `seq` counts from 1 within the model; `version` is None for events of the model as a whole; `who`: the
    actor."""

    seq: int
    at: datetime
    who: str
    kind: EventKind
    version: str | None
    facts: dict[str, Any]
    hash: str

    def to_json(self) -> dict[str, Any]:
        """The fields of `models history`, the time as ISO 8601 with Z."""
        return {
            "seq": self.seq,
            "at": iso(self.at),
            "who": self.who,
            "kind": self.kind.value,
            "version": self.version,
            "facts": self.facts,
            "hash": self.hash,
        }


def canonical(facts: Mapping[str, Any]) -> str:
    """Facts as the one text that is hashed and stored."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def event_hash(
    before: str, model: str, seq: int, at: datetime, who: str, kind: str, version: str | None, facts: str
) -> str:
    """SHA-256, hexadecimal, of an event and of the hash of the one before it (`""`: it is the first).

    `facts` as `canonical` gives them; the time to the microsecond, in UTC.
    """
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(json.dumps([before, model, seq, moment, who, kind, version, facts]).encode()).hexdigest()


def broken_link(model: str, rows: Iterable[tuple[int, datetime, str, str, str | None, str, str]], head: str) -> int:
    """The seq of the first event that is changed, missing or too many; 0 when the chain holds.

    rows: seq, at, who, kind, version, facts (text) and hash, in order; head: the hash that the last one must have.
    """
    before, expected = "", 1
    for seq, at, who, kind, version, facts, found in rows:
        if seq != expected or found != event_hash(before, model, seq, at, who, kind, version, facts):
            return expected
        before, expected = found, expected + 1
    return 0 if before == head else expected


def wrong_name(model: str, rows: Sequence[tuple[int, datetime, str, str, str | None, str, str]]) -> int:
    """The seq of the last rename if it gave the model another name than this; 0 if it did not, or if there is none.

    rows: as for `broken_link`, which holds for them.
    """
    for seq, _, _, kind, _, facts, _ in reversed(rows):
        if kind == EventKind.RENAMED:
            return 0 if json.loads(facts)["after"] == model else seq
    return 0
