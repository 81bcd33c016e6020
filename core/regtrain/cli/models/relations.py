"""`regtrain models lineage`, `diff`, `copy` and `rename`: how versions and models relate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regtrain.cli.output import json_option, number, print_json, print_table, say
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry import Lineage

__all__ = ["copy", "diff", "lineage", "rename"]

FORMATS = ("tree", "json", "mermaid", "dot")


@click.command()
@click.argument("ref", required=False)
@click.option("--format", "shape", type=click.Choice(FORMATS), help="How to print it; a tree when left out.")
@click.option("--down", is_flag=True, help="Descendants of REF in place of its ancestors.")
@click.option("--data", metavar="DIGEST", help="Instead: every version that was trained on the data with this digest.")
@json_option
def lineage(ref: str | None, shape: str | None, down: bool, data: str | None, as_json: bool) -> None:
    """The ancestors of REF, back to the first; or its descendants; or the versions that were trained on given data."""
    if data is not None:
        if ref or down or shape not in (None, "json"):
            raise click.UsageError("--data DIGEST takes no other argument than --json")
        _trained_on(data, as_json or shape == "json")
        return
    if ref is None:
        raise click.UsageError("Missing argument 'REF'.", click.get_current_context())
    if as_json and shape not in (None, "json"):
        raise click.UsageError(f"--json and --format {shape} exclude each other")
    found = open_registry(Path.cwd()).lineage(ref, down)
    if as_json or shape == "json":
        print_json(found.to_json())
    else:
        say(_drawn(found, shape or "tree"))


def _trained_on(digest: str, as_json: bool) -> None:
    found = open_registry(Path.cwd()).trained_on(digest)
    if as_json:
        print_json(found.to_json())
        return
    if not found.versions:
        say(f"no version saw data with the digest {digest}", err=True)
        return
    rows = [(one.version.ref, ", ".join(one.data) or "-", ", ".join(one.through) or "-") for one in found.versions]
    print_table(("version", "learned from", "through"), rows)


def _drawn(found: Lineage, shape: str) -> str:
    from regtrain_registry.domain.lineage import as_dot, as_mermaid, as_tree

    return {"tree": as_tree, "mermaid": as_mermaid, "dot": as_dot}[shape](found)


@click.command()
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """What differs between two versions, and which part of the number that moves."""
    found = open_registry(Path.cwd()).diff(old, new)
    if as_json:
        print_json(found.to_json())
        return
    say(f"{found.old} → {found.new}: {found.decision.bump}")
    for reason in found.decision.reasons:
        say(f"  {reason}")
    given = found.registered
    if given.overruled or given.forced:
        forced = ", forced" if given.forced else ""
        say(f"{found.new} was registered as {given.kind}{forced}; computed was {given.computed}")
    rows = [
        (part, change.key, _side(part, change.old), _side(part, change.new))
        for part, changed in found.parts().items()
        for change in changed
    ]
    if rows:
        say()
        print_table(("part", "key", found.old, found.new), rows)


@click.command()
@click.argument("old")
@click.argument("new")
@json_option
def rename(old: str, new: str, as_json: bool) -> None:
    """Call the model OLD NEW from now on.

    OLD still answers, with a note, and no other model may take it.
    """
    found = open_registry(Path.cwd()).rename(old, new)
    if as_json:
        print_json(found.to_json())
        return
    say(f"renamed: {old} is {found.name}")


@click.command()
@click.argument("ref")
@click.option("--to", "model", required=True, metavar="NAME", help="The model that gets the copy.")
@json_option
def copy(ref: str, model: str, as_json: bool) -> None:
    """Copy the version REF to the model NAME: the same files, which the store has once.

    A new model gets the semantic version of REF; in one that exists it follows from the recipes, as when registering.
    """
    made = open_registry(Path.cwd()).copy(ref, model)
    if as_json:
        print_json(made.to_json())
        return
    source = next(parent.ref for parent in made.parents)
    say(f"copied: {made.ref} (number {made.number}) from {source}")


def _side(part: str, value: Any) -> str:
    from regtrain_registry.domain.recipe import shown

    if part == "state" and value is not None:
        shape, dtype = value
        return f"{shape} {dtype}"
    return number(value) if isinstance(value, float) else shown(value)
