"""The page for plugin authors says what the hooks say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import regtrain.testing
from regtrain import hookspecs
from regtrain.types import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "write-a-plugin.md"
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("regtrain_")}


def page() -> str:
    """The page with its line breaks taken out, so that sentences can be found."""
    return " ".join(PAGE.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_its_arguments(name: str) -> None:
    """The page has a row for the hook: its arguments in order, and the sentence of its specification."""
    hook = HOOKS[name]
    arguments = ", ".join(inspect.signature(hook).parameters)
    sentence = " ".join((inspect.getdoc(hook) or "").split())
    if name.startswith("regtrain_register_"):
        sentence = sentence.partition(": ")[2].removesuffix(".")
    assert sentence
    assert f"| `{name}({arguments})` | {sentence} |" in page()


def test_the_page_names_no_hook_that_is_gone() -> None:
    """Every hook on the page has a specification."""
    named = set(
        re.findall(r"\bregtrain_(?:register|run|checkpoint|version|alert)\w*", PAGE.read_text(encoding="utf-8"))
    )
    assert named == set(HOOKS)


def test_every_kind_has_a_hook() -> None:
    """What the host collects and what can be registered are the same kinds."""
    registering = {name.removeprefix("regtrain_register_") for name in HOOKS if name.startswith("regtrain_register_")}
    assert registering == set(KINDS)


def test_every_conformance_class_is_documented() -> None:
    """The page has a row for each class of regtrain.testing, and each class shows how to use it."""
    classes = [name for name in regtrain.testing.__all__ if name.endswith("Conformance")]
    for name in classes:
        assert f"| `{name}` | " in page()
        assert f"({name}):" in (getattr(regtrain.testing, name).__doc__ or ""), f"{name} has no example"
    assert len(classes) == 13
