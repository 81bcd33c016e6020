"""`regtrain models prune`, `policy`, `restore` and `delete`: which versions stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regtrain.cli.output import json_option, print_json, print_table, say
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry.domain.retention import PruneDecision

__all__ = ["delete", "policy", "prune", "restore"]

policy_file = click.option(
    "--policy", "path", type=click.Path(path_type=Path), help="A YAML file with the rules, in place of the model's."
)


@click.command()
@click.argument("model")
@policy_file
@click.option("--dry-run", is_flag=True, help="Only say what would expire.")
@click.option("--explain", is_flag=True, help="Name every version, also those that stay, each with its reason.")
@json_option
def prune(model: str, path: Path | None, dry_run: bool, explain: bool, as_json: bool) -> None:
    """Let versions of MODEL expire that no rule of its policy keeps. `models restore` brings them back."""
    decisions = open_registry(Path.cwd()).prune(model, read_policy(path), dry_run)
    if as_json:
        print_json([decision.to_json() for decision in decisions])
        return
    expired = [decision for decision in decisions if decision.action == "expire"]
    shown = decisions if explain else expired
    if shown:
        print_table(("version", "action", "reason"), [_row(decision) for decision in shown])
    would = "would expire" if dry_run else "expired"
    say(f"{len(expired)} of {len(decisions)} versions {would}")


def _row(decision: PruneDecision) -> tuple[str, str, str]:
    return decision.ref, decision.action.value, decision.reason


@click.command()
@click.argument("model")
@click.option("--set", "path", type=click.Path(path_type=Path), help="Give MODEL the policy of this YAML file.")
@click.option("--clear", is_flag=True, help="Take the policy of MODEL away.")
@json_option
def policy(model: str, path: Path | None, clear: bool, as_json: bool) -> None:
    """The policy of MODEL: which versions are kept, and what its stages ask for."""
    if path and clear:
        raise click.UsageError("--set and --clear exclude each other")
    registry = open_registry(Path.cwd())
    found = registry.set_policy(model, read_policy(path)) if path or clear else registry.policy(model)
    if as_json:
        print_json(found)
    elif not found:
        say(f"{model} has no policy")
    else:
        rows = [(f"{part}.{key}", json.dumps(value)) for part, keys in found.items() for key, value in keys.items()]
        print_table(("rule", "value"), rows)


def read_policy(path: Path | None) -> dict[str, Any] | None:
    """The rules of a YAML or JSON file."""
    from regtrain.config.yaml_source import read_file

    return None if path is None else read_file(path, "policy file").values


@click.command()
@click.argument("ref")
@json_option
def restore(ref: str, as_json: bool) -> None:
    """Bring back REF, which expired or was archived, as what it was before."""
    from regtrain.cli.models.marking import tell

    found = open_registry(Path.cwd()).restore(ref)
    tell(f"restored as {found.status.value}", found, as_json)


@click.command()
@click.argument("ref")
@json_option
def delete(ref: str, as_json: bool) -> None:
    """Let REF expire now. What keeps it, if anything does, is named instead."""
    from regtrain.cli.models.marking import tell

    tell("expired", open_registry(Path.cwd()).delete(ref), as_json)
