"""`regtrain models alias`, `promote`, `tag` and the like: the lifecycle of a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regtrain.cli.output import json_option, print_json, print_table, say
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry import VersionInfo

__all__ = ["alias", "archive", "deprecate", "describe", "pin", "promote", "tag", "tell"]


@click.command()
@click.argument("ref")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Take NAME away from the model of REF; a stage is left empty.")
@json_option
def alias(ref: str, name: str, remove: bool, as_json: bool) -> None:
    """Set the alias NAME of REF: MODEL@NAME."""
    registry = open_registry(Path.cwd())
    if remove:
        found = registry.show(f"{ref.removeprefix('models:/').partition('@')[0].partition('/')[0]}@{name}")
        registry.remove_alias(found.name, name)
        tell("alias removed", registry.show(found.ref), as_json)
    else:
        tell("alias set", registry.set_alias(ref, name), as_json)


@click.command()
@click.argument("ref")
@click.argument("stage")
@click.option("--gates", type=click.Path(path_type=Path), help="A YAML file with the gates, in place of the model's.")
@json_option
def promote(ref: str, stage: str, gates: Path | None, as_json: bool) -> None:
    """Let REF hold STAGE. Its gates are checked, and what they found is kept in the history."""
    from regtrain.run.promote import promote_version

    made, evidence = promote_version(open_registry(Path.cwd()), ref, stage, gates)
    if as_json:
        print_json(made.to_json() | {"evidence": [one.to_json() for one in evidence]})
        return
    say(f"promoted: {made.ref} is {stage}")
    rows = [("passed" if one.passed else "failed", one.gate, one.found) for one in evidence]
    print_table(("gate", "asks", "found"), rows)


@click.command()
@click.argument("ref")
@click.argument("tags", nargs=-1, metavar="NAME=VALUE...")
@click.option("--remove", multiple=True, metavar="NAME", help="Take a tag away.")
@json_option
def tag(ref: str, tags: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Give REF tags, or other values to them."""
    pairs = [pair.partition("=") for pair in tags]
    if not (pairs or remove) or not all(separator for _, separator, _ in pairs):
        raise click.UsageError("tags are written NAME=VALUE; --remove NAME takes one away")
    found = open_registry(Path.cwd()).set_tags(ref, {name: value for name, _, value in pairs}, remove)
    tell(f"tags: {', '.join(f'{k}={v}' for k, v in found.tags.items()) or 'none'}", found, as_json)


@click.command()
@click.argument("ref")
@click.argument("text")
@json_option
def describe(ref: str, text: str, as_json: bool) -> None:
    """Write the description of REF."""
    tell("described", open_registry(Path.cwd()).describe(ref, text), as_json)


@click.command()
@click.argument("ref")
@click.option("--off", is_flag=True, help="Leave REF to the policy again.")
@json_option
def pin(ref: str, off: bool, as_json: bool) -> None:
    """Keep REF whatever a retention policy says."""
    tell("unpinned" if off else "pinned", open_registry(Path.cwd()).pin(ref, not off), as_json)


@click.command()
@click.argument("ref")
@click.option("--reason", default="", help="Why REF should not be used any more.")
@click.option("--successor", metavar="REF", help="The version to use instead.")
@json_option
def deprecate(ref: str, reason: str, successor: str | None, as_json: bool) -> None:
    """Advise against REF. It stays where it is, and nothing that comes from it passes a promotion."""
    tell("deprecated", open_registry(Path.cwd()).deprecate(ref, reason, successor), as_json)


@click.command()
@click.argument("ref")
@click.option("--reason", help="Why.")
@json_option
def archive(ref: str, reason: str | None, as_json: bool) -> None:
    """Take REF out of latest and of ranges. Its files stay; `models restore` brings it back."""
    tell("archived", open_registry(Path.cwd()).archive(ref, reason), as_json)


def tell(what: str, version: VersionInfo, as_json: bool) -> None:
    """What was done, and to which version."""
    if as_json:
        print_json(version.to_json())
    else:
        say(f"{what}: {version.ref} (number {version.number}; {'; '.join(version.bump.reasons[:2])})")
