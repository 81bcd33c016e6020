"""`regtrain models register`, `checkout`, `verify` and the like: files on their way in and out."""

from __future__ import annotations

import os
from pathlib import Path

import click

from regtrain.cli.models.marking import tell
from regtrain.cli.output import json_option, print_json, print_table, say, size
from regtrain.run.open_registry import open_registry

__all__ = ["card", "checkout", "export_archive", "import_archive", "register", "sign", "verify"]


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name in the registry.")
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), help="Overrule the computed part.")
@click.option("--version", help="Overrule the version: X.Y.Z.")
@click.option("--force", is_flag=True, help="Take a part or a version that says less than what changed.")
@click.option("--allow-nonfinite", is_flag=True, help="Register weights that are not finite, as archived.")
@click.option(
    "--parent",
    multiple=True,
    metavar="[RELATION=]REF",
    help="A version that this one came from: resumed_from, or e.g. distilled_from=REF.",
)
@json_option
def register(
    source: Path,
    model: str,
    bump: str | None,
    version: str | None,
    force: bool,
    allow_nonfinite: bool,
    parent: tuple[str, ...],
    as_json: bool,
) -> None:
    """Register a run folder, or one of its checkpoints, under --model."""
    from regtrain.errors import RunNotFoundError
    from regtrain.run.register import parents_of, register_run
    from regtrain.run.resume import checkpoint_at, run_dir_of

    if bump and version:
        raise click.UsageError("--bump and --version exclude each other")
    path = Path(os.path.realpath(source))  # unlike resolve(), it takes a link to itself
    owner = run_dir_of(path)
    if owner is None or not path.exists():
        raise RunNotFoundError(f"{source} is no run folder and no checkpoint of one", "`regtrain runs list` shows runs")
    plan = owner.read_plan()
    registry = open_registry(Path.cwd(), plan.base_dir, plan.config.registry, create=True)
    made = register_run(
        registry,
        owner,
        checkpoint=checkpoint_at(source),
        model=model,
        bump=bump,
        version=version,
        parents=parents_of(parent),
        force=force,
        allow_nonfinite=allow_nonfinite,
    )
    tell("registered", made, as_json)


@click.command()
@click.argument("ref")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--bare", is_flag=True, help="The version's own files alone, without card, plots and signature.")
@json_option
def checkout(ref: str, folder: Path, bare: bool, as_json: bool) -> None:
    """Copy the files of REF into a new or empty FOLDER, every digest verified; its card and plots beside them."""
    from regtrain_registry.cards.plots import HOW_TO_GET, can_draw

    paths = open_registry(Path.cwd()).checkout(ref, folder, bare=bare)
    if as_json:
        print_json([str(path) for path in paths])
    else:
        for path in paths:
            say(path)
    if not bare and not can_draw():
        say(f"no plots: matplotlib is not installed; {HOW_TO_GET}", err=True)


@click.command()
@click.argument("ref")
@json_option
def card(ref: str, as_json: bool) -> None:
    """The model card of REF, as `checkout` writes it but without plots."""
    text = open_registry(Path.cwd()).card(ref)
    if as_json:
        print_json({"ref": ref, "card": text})
    else:
        say(text, end=False)


@click.command()
@click.argument("ref")
@click.option("--key", type=click.Path(path_type=Path), help="A public key whose signature must hold.")
@json_option
def verify(ref: str, key: Path | None, as_json: bool) -> None:
    """Read every file of REF and hold it against its digest."""
    found = open_registry(Path.cwd()).verify(ref, key)
    if as_json:
        print_json(found.to_json())
    else:
        rows = [(file.problem or "ok", file.artifact.path, file.artifact.digest) for file in found.files]
        print_table(("", "file", "digest"), rows)
        if found.signed_by:
            say(f"signed by {found.signed_by}")
    if found.damaged:
        from regtrain_registry.errors import BlobDamagedError

        named = ", ".join(f"{file.artifact.path} ({file.problem})" for file in found.damaged)
        raise BlobDamagedError(f"{found.ref} is damaged: {named}", "Restore the store from a backup.")


@click.command()
@click.argument("ref")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="A private key, in a PEM file.")
@json_option
def sign(ref: str, key: Path, as_json: bool) -> None:
    """Sign files, config, data and parents of REF with a private key, by OpenSSF model signing.

    The password of the key, if it has one, is read from REGTRAIN_KEY_PASSWORD.
    """
    tell("signed", open_registry(Path.cwd()).sign(ref, key, os.environ.get("REGTRAIN_KEY_PASSWORD")), as_json)


@click.command("export-archive")
@click.argument("refs", nargs=-1, metavar="REF...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A new file.")
@click.option("--all", "every", is_flag=True, help="Every version of the registry.")
@click.option(
    "--files",
    type=click.Choice(["all", "named"]),
    default="all",
    show_default=True,
    help="Files of ancestors too, or of the named versions alone.",
)
@json_option
def export_archive(refs: tuple[str, ...], output: Path, every: bool, files: str, as_json: bool) -> None:
    """Write versions, with all that they come from, to one file that another registry takes in."""
    if bool(refs) == every:
        raise click.UsageError("name versions, or take --all of them")
    chosen = None if every else list(refs)
    made = open_registry(Path.cwd()).export_archive(chosen, output, named_files=files == "named")
    if as_json:
        print_json(made.to_json())
        return
    say(f"{made.path}: {made.versions} versions, {made.complete} with their files, {size(made.size_bytes)}")


@click.command("import-archive")
@click.argument("archive", type=click.Path(path_type=Path))
@json_option
def import_archive(archive: Path, as_json: bool) -> None:
    """Take in the versions of ARCHIVE. What is here already stays as it is."""
    if not archive.is_file():
        from regtrain_registry.errors import ArchiveError

        raise ArchiveError(f"{archive} is no file", "Name an archive.")
    made = open_registry(Path.cwd(), create=True).import_archive(archive)
    if as_json:
        print_json([one.to_json() for one in made])
        return
    print_table(("", "version", "made as"), [(one.outcome, one.ref, one.home) for one in made])
