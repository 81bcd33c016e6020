"""The differences between two versions, and the part of the version number that they would move. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from regtrain_registry.domain.recipe import Change, Decision, Recipe, changes, decide, known_changes
from regtrain_registry.domain.records import BumpRecord, VersionDetail
from regtrain_registry.json_values import flat

__all__ = ["Differences", "differences"]


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences, part by part; in `metrics` equal values too, so that all are side by side.

    Config and signature as dotted keys; data and code by name; state as tensor name → [shape, dtype].
    `decision` is what registering `new` right after `old` would have decided; `registered` what was decided of it.
    """

    old: str
    new: str
    decision: Decision
    registered: BumpRecord
    config: tuple[Change, ...]
    data: tuple[Change, ...]
    code: tuple[Change, ...]
    signature: tuple[Change, ...]
    state: tuple[Change, ...]
    source: tuple[Change, ...]
    metrics: tuple[Change, ...]

    def parts(self) -> dict[str, tuple[Change, ...]]:
        """The changes by the name of their part."""
        names = ("config", "data", "code", "signature", "state", "source", "metrics")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """The fields of `models diff`; null where a side has no such key, or a number that is not finite."""
        bump = self.decision.bump
        head: dict[str, Any] = {
            "old": self.old,
            "new": self.new,
            "bump": bump and bump.value,
            "reasons": self.decision.reasons,
        }
        head["registered"] = self.registered.to_json()
        return head | {name: _by_key(part) for name, part in self.parts().items()}


def differences(old: tuple[VersionDetail, Recipe], new: tuple[VersionDetail, Recipe]) -> Differences:
    """Compare two versions, each with the recipe that it was made from."""
    (before, old_recipe), (after, new_recipe) = old, new
    metrics = sorted(before.metrics.keys() | after.metrics.keys())
    return Differences(
        old=before.ref,
        new=after.ref,
        decision=decide(old_recipe, new_recipe),
        registered=after.bump,
        config=changes(flat(before.config), flat(after.config)),
        data=changes(old_recipe.data, new_recipe.data),
        code=changes(old_recipe.code, new_recipe.code),
        signature=known_changes(old_recipe.signature, new_recipe.signature),
        state=known_changes(old_recipe.state, new_recipe.state),
        source=changes(before.source.to_json(), after.source.to_json()),
        metrics=tuple(Change(key, before.metrics.get(key), after.metrics.get(key)) for key in metrics),
    )


def _by_key(part: Iterable[Change]) -> dict[str, Any]:
    return {change.key: {"old": change.old, "new": change.new} for change in part}
