"""`regtrain models register`, `checkout`: files on their way in and out."""

from __future__ import annotations

from pathlib import Path

import click

from regtrain.cli.models.marking import tell
from regtrain.cli.output import json_option, print_json
from regtrain.run.place import open_registry

__all__ = ["checkout", "register"]


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name in the registry.")
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), help="Overrule the computed part.")
@click.option("--version", help="Overrule the version: X.Y.Z.")
@click.option("--force", is_flag=True, help="Take a part or a version that says less than what changed.")
@click.option("--parent", multiple=True, metavar="REF", help="A version that this one came from.")
@json_option
def register(
    source: Path, model: str, bump: str | None, version: str | None, force: bool, parent: tuple[str, ...], as_json: bool
) -> None:
    """Register a run folder, or one of its checkpoints, under --model."""
    from regtrain.errors import RunNotFoundError
    from regtrain.run.register import register_run
    from regtrain.run.resume import checkpoint_at, run_dir_of

    if bump and version:
        raise click.UsageError("--bump and --version exclude each other")
    path = source.resolve()
    owner = run_dir_of(path)
    if owner is None or not path.exists():
        raise RunNotFoundError(f"{source} is no run folder and no checkpoint of one", "`regtrain runs list` shows runs")
    registry = open_registry(Path.cwd(), owner.read_plan().base_dir, create=True)
    made = register_run(
        registry,
        owner,
        checkpoint=checkpoint_at(source),
        model=model,
        bump=bump,
        version=version,
        parents=parent,
        force=force,
    )
    tell("registered", made, as_json)


@click.command()
@click.argument("ref")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def checkout(ref: str, folder: Path, as_json: bool) -> None:
    """Copy the files of REF into a new or empty FOLDER, every digest verified."""
    paths = open_registry(Path.cwd()).checkout(ref, folder)
    if as_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        click.echo(path)
