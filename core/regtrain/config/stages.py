"""A stage's own section: `retrieval: {training: …}` beside `ranking: {training: …}` in one file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from regtrain.config.keys import find, root
from regtrain.config.rewrite import rewrite_path
from regtrain.config.spellings import rules, spelled_at
from regtrain.errors import ConfigKeyError

__all__ = ["choose_stage", "stages_of"]

# At or above this likeness to a key, a root key is a slip of the pen (traning 0.93), no stage (ranking 0.80).
_TYPO_LIKENESS = 0.85


def stages_of(values: Mapping[str, Any]) -> list[str]:
    """Unknown root keys that hold sections of a config."""
    return [key for key, value in values.items() if _is_stage(key, value)]


def _is_stage(key: str, value: Any) -> bool:
    if not isinstance(value, Mapping) or _is_root_key(key):
        return False
    if not any(isinstance(name, str) and _is_section(name) for name in value):
        return False
    known = {*root().children, *spelled_at(())}
    return all(SequenceMatcher(None, key.lower(), name).ratio() < _TYPO_LIKENESS for name in known)


def _is_root_key(key: str) -> bool:
    return key in root().children or key in spelled_at(())


def _is_section(name: str) -> bool:
    if spelled_at((name,)) or name in root().children:
        return True
    if (name,) not in rules():
        return False
    target = next(rewrite_path((name,), {}))[0]
    return find(target)[0].kind in {"section", "names"}


def choose_stage(values: Mapping[str, Any], section: str | None, name: str) -> str | None:
    """The stage to take: the one asked for, else the only one. `name` is the file's, for messages.

    Raises:
        ConfigKeyError: several stages and none chosen, or a stage that the file does not have.
    """
    stages = stages_of(values)
    if section is not None:
        if section in stages or (isinstance(values.get(section), Mapping) and not _is_root_key(section)):
            return section
        has = f"it has {', '.join(stages)}" if stages else "it has none"
        raise ConfigKeyError(f"{name}: no section {section!r} of a stage; {has}", "Choose with --section NAME.")
    if len(stages) > 1:
        raise ConfigKeyError(
            f"{name}: the file describes several stages: {', '.join(stages)}",
            f"Choose one: --section {stages[0]}.",
        )
    return stages[0] if stages else None
