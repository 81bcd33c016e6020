"""The recipe of a version, and the part of the version number that a change of it moves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regtrain_registry.json_values import flat
from regtrain_registry.semver import Bump

__all__ = ["Change", "Decision", "Recipe", "changes", "decide", "known_changes", "shown"]

MAX_LINES = 5

# Paths of data are ignored where digests identify the data.
DATA_PATHS = frozenset({"data.data_dir", "data.train_path", "data.val_path"})
# The prefix of a fingerprint of data whose content is not known.
NO_CONTENT = "code+length:"


@dataclass(frozen=True, slots=True)
class Recipe:
    """config as nested keys; data and code as name → digest; state as tensor name → [shape, dtype].

    `not_learned`: keys of the config about when, where or how long, not about what is learned; each covers everything
    below it. An empty part is not known.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    signature: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, list[Any]] = field(default_factory=dict)
    not_learned: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """The part of the version that moves (None: the first version), and why, in lines for people."""

    bump: Bump | None
    reasons: list[str]


class Change(NamedTuple):
    """A key whose values differ; None: it is not there."""

    key: str
    old: Any
    new: Any


def decide(previous: Recipe | None, new: Recipe) -> Decision:
    """Compare with the recipe of the model's highest version; never raises.

    major: another signature, or tensors of another name or shape. minor: other hyperparameters, data, code
    or number format. patch: the same recipe, so another seed or more epochs.
    """
    if previous is None:
        return Decision(None, ["first version"])
    known = _content_is_known(previous.data) and _content_is_known(new.data)
    ignored = previous.not_learned | new.not_learned | (DATA_PATHS if known else frozenset())
    config = changes(flat(previous.config), flat(new.config))
    learned = _lines([change for change in config if not _covered(change.key, ignored)])
    unlearned = _lines([change for change in config if _covered(change.key, ignored)])
    unknown = [
        *_unknown("signature", previous.signature, new.signature),
        *_unknown("state", previous.state, new.state),
    ]
    shapes, dtypes = _state_changes(previous.state, new.state)
    signature = known_changes(previous.signature, new.signature)
    major = [*_some(shapes, "state"), *_some(_lines(signature, "signature: "), "signature")]
    minor = [
        *_some(learned, "config"),
        *_some(_lines(_data_changes(previous.data, new.data), "data: "), "data"),
        *_some(_lines(changes(previous.code, new.code), "code: "), "code"),
        *_some(dtypes, "state"),
        *unknown,
    ]
    if major:
        return Decision(Bump.MAJOR, major + minor)
    if minor:
        return Decision(Bump.MINOR, minor)
    return Decision(Bump.PATCH, ["same recipe", *_some(unlearned, "config")])


def _covered(key: str, ignored: frozenset[str]) -> bool:
    parts = key.split(".")
    return any(".".join(parts[: n + 1]) in ignored for n in range(len(parts)))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Everything that differs, in the order of the keys."""
    both = (Change(key, before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys()))
    # Through JSON, because one side may come from the database: (1, 2) and [1, 2] are one value.
    return tuple(one for one in both if one.old != one.new and _canonical(one.old) != _canonical(one.new))


def known_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs of two parts, as dotted keys; nothing where one of them is empty, and so not known."""
    return changes(flat(before), flat(after)) if before and after else ()


def _place(name: str) -> str | None:
    """The key of the config that a file of the data is called by: `data_dir/a/b.png`, `train_path`; None: no file."""
    key = f"data.{name.partition('/')[0]}"
    return key if key in DATA_PATHS else None


def _content_is_known(data: Mapping[str, str]) -> bool:
    files = any(map(_place, data))
    return bool(data) and (files or not any(str(digest).startswith(NO_CONTENT) for digest in data.values()))


def _data_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """What differs of the data; files of a place count where both sides know what lies there."""
    both = {_place(name) for name in before} & {_place(name) for name in after} | {None}
    return tuple(change for change in changes(before, after) if _place(change.key) in both)


def _lines(found: Iterable[Change], prefix: str = "") -> list[str]:
    return [f"{prefix}{key}: {shown(old)} → {shown(new)}" for key, old, new in found]


def _state_changes(before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> tuple[list[str], list[str]]:
    """Lines of tensors that came, went or changed shape; lines of those that changed only their dtype."""
    shapes, dtypes = [], []
    for name, old, new in known_changes(before, after):
        if old is None or new is None or list(old[0]) != list(new[0]):
            shapes.append(f"state: {name} {_shape(old)} → {_shape(new)}")
        else:
            dtypes.append(f"state: {name} {old[1]} → {new[1]}")
    return shapes, dtypes


def _shape(entry: list[Any] | None) -> str:
    return "none" if entry is None else str(list(entry[0]))


def _unknown(part: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    if bool(before) == bool(after):
        return []
    return [f"{part}: not known {'before' if after else 'now'}"]


def _some(lines: list[str], kind: str) -> list[str]:
    if len(lines) <= MAX_LINES:
        return lines
    return [*lines[:MAX_LINES], f"{kind}: {len(lines) - MAX_LINES} more"]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def shown(value: Any) -> str:
    """A value for people: `none` for what is not there, digests and long values cut."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else _canonical(value)
    if text.startswith("sha256:"):
        return text[:19]
    return text if len(text) <= 60 else text[:59] + "…"
