"""Layers of leaves → one tree; and when a later layer makes arguments of an earlier one meaningless."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from regtrain.config.keys import find
from regtrain.config.leaves import Leaf, Path, Tree, dotted
from regtrain.errors import ConfigValueError

__all__ = ["apply_layer", "refuse_contradictions"]

# Each open section, with what besides `args` belongs to the named thing alone.
_NAMED_SECTIONS: tuple[tuple[Path, tuple[str, ...]], ...] = (
    (("model",), ("args",)),
    (("data",), ("args",)),
    (("loss",), ("args",)),
    (("optimizer",), ("args",)),
    # OneCycleLR steps per batch; the StepLR that replaces it must not inherit that.
    (("scheduler",), ("args", "interval")),
    (("evaluation", "evaluator"), ("args",)),
)


def refuse_contradictions(layer: Iterable[Leaf], same: Callable[[Leaf, Leaf], bool]) -> None:
    """Two spellings of one key may stand in one layer when they say the same.

    Raises:
        ConfigValueError: they do not; the message names both places.
    """
    seen: dict[Path, Leaf] = {}
    for leaf in layer:
        first = seen.setdefault(leaf.path, leaf)
        if first is not leaf and not (_identical(first.value, leaf.value) or same(first, leaf)):
            raise ConfigValueError(
                f"{leaf.place}: {dotted(leaf.written)} contradicts {dotted(first.written)} at {first.place}; "
                f"both mean {dotted(leaf.path)}",
                "Keep one of them.",
            )


def _identical(first: Any, second: Any) -> bool:
    # True == 1 in Python, not in a config.
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def apply_layer(tree: Tree, layer: Sequence[Leaf]) -> None:
    """Write a later layer over the tree of the earlier ones."""
    for section, own in _NAMED_SECTIONS:
        _forget_replaced(tree, layer, section, own)
    # What clears a section goes first, so that `scheduler: null` does not erase its own layer's lr_scheduler.
    for leaf in sorted(layer, key=lambda leaf: not _clears(leaf)):
        tree.put(leaf)


def _clears(leaf: Leaf) -> bool:
    info, depth = find(leaf.path)
    return leaf.value is None and depth == len(leaf.path) and info.kind != "value"


def _forget_replaced(tree: Tree, layer: Sequence[Leaf], section: Path, own: tuple[str, ...]) -> None:
    given = {leaf.path[-1]: leaf.value for leaf in layer if leaf.path in {(*section, "name"), (*section, "target")}}
    if not any(value is not None for value in given.values()):
        return
    earlier = {key: leaf.value for key in ("name", "target") if (leaf := tree.leaf((*section, key))) is not None}
    earlier = {key: value for key, value in earlier.items() if value is not None}
    if not earlier or all(_same_name(earlier.get(key), value) for key, value in given.items()):
        return
    for key in own:
        tree.drop((*section, key))
    for key in earlier:
        if key not in given:
            tree.drop((*section, key))
    if section == ("optimizer",):
        _forget_groups(tree)


def _forget_groups(tree: Tree) -> None:
    """The new optimizer serves every component; each keeps its learning rate."""
    for name in tree.branch(("optimizer", "groups")) or {}:
        tree.drop(("optimizer", "groups", name, "name"))
        tree.drop(("optimizer", "groups", name, "args"))


def _same_name(first: Any, second: Any) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        return first.casefold() == second.casefold()
    return bool(first == second)
