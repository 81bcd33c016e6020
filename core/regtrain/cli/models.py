"""`regtrain models`: what is registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regtrain.cli.output import json_option, limit_option, number, print_json, print_table, size
from regtrain.run.place import open_registry

if TYPE_CHECKING:
    from regtrain_registry import Lineage, VersionInfo

__all__ = ["models"]

FORMATS = ("tree", "json", "mermaid", "dot")


@click.group()
def models() -> None:
    """Registered models and their versions."""


@models.command("list")
@limit_option
@json_option
def list_models(limit: int | None, as_json: bool) -> None:
    """Every model with its latest version."""
    found = open_registry(Path.cwd()).models()[:limit]
    if as_json:
        print_json([model.to_json() for model in found])
        return
    rows = []
    for model in found:
        latest = model.latest
        metrics = _metrics(latest.metrics) if latest else "-"
        when = f"{latest.created_at:%Y-%m-%d %H:%M}" if latest else "-"
        rows.append(
            (model.name, latest.version if latest else "-", model.versions, size(model.size_bytes), when, metrics)
        )
    print_table(("model", "latest", "versions", "size", "created", "metrics"), rows)


@models.command()
@click.argument("model")
@limit_option
@json_option
def versions(model: str, limit: int | None, as_json: bool) -> None:
    """Every version of MODEL, newest first."""
    found = open_registry(Path.cwd()).versions(model)[:limit]
    if as_json:
        print_json([version.to_json() for version in found])
        return
    rows = [
        (
            v.version,
            v.number,
            v.status.value,
            ", ".join(v.aliases) or "-",
            _metrics(v.metrics),
            "; ".join(v.bump.reasons[:1]),
        )
        for v in found
    ]
    print_table(("version", "number", "status", "aliases", "metrics", "why this version"), rows)


@models.command()
@click.argument("ref")
@json_option
def show(ref: str, as_json: bool) -> None:
    """One version: metrics, files, lineage, and why it has its number."""
    found = open_registry(Path.cwd()).show(ref)
    if as_json:
        print_json(found.to_json())
        return
    bump = found.bump
    overruled = f" (overruled: {bump.overruled}; computed was {bump.computed})" if bump.overruled else ""
    source = found.source.git_commit or "no git"
    facts = [
        ("version", f"{found.ref} (number {found.number}, {found.status.value})"),
        ("why", f"{bump.kind}{overruled}: {'; '.join(bump.reasons)}"),
        ("created", f"{found.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("run", found.run_id or "-"),
        ("metrics", _metrics(found.metrics, every=True)),
        ("aliases", ", ".join(found.aliases) or "-"),
        ("parents", ", ".join(f"{p.ref} ({p.relation.value})" for p in found.parents) or "-"),
        ("source", f"{source}{' with uncommitted changes' if found.source.dirty else ''}"),
        ("signature", json.dumps(found.signature) if found.signature else "-"),
        ("digest", found.digest),
        ("size", size(found.size_bytes)),
    ]
    print_table(("fact", "value"), facts)
    click.echo()
    print_table(
        ("file", "kind", "size", "digest"),
        [(a.path, a.kind.value, size(a.size_bytes), a.digest) for a in found.artifacts],
    )


@models.command()
@click.argument("ref")
@click.option("--format", "shape", type=click.Choice(FORMATS), help="How to print it; a tree unless said otherwise.")
@click.option("--down", is_flag=True, help="What came from REF, not what it came from.")
@json_option
def lineage(ref: str, shape: str | None, down: bool, as_json: bool) -> None:
    """All that REF came from, back to the first; or what came from it."""
    if as_json and shape not in (None, "json"):
        raise click.UsageError(f"--json and --format {shape} exclude each other")
    found = open_registry(Path.cwd()).lineage(ref, down)
    if as_json or shape == "json":
        print_json(found.to_json())
    else:
        click.echo(_drawn(found, shape or "tree"))


def _drawn(found: Lineage, shape: str) -> str:
    from regtrain_registry.lineage import as_dot, as_mermaid, as_tree

    return {"tree": as_tree, "mermaid": as_mermaid, "dot": as_dot}[shape](found)


@models.command()
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """What differs between two versions, and which part of the number that moves."""
    found = open_registry(Path.cwd()).diff(old, new)
    if as_json:
        print_json(found.to_json())
        return
    click.echo(f"{found.old} → {found.new}: {found.decision.bump}")
    for reason in found.decision.reasons:
        click.echo(f"  {reason}")
    rows = [
        (part, change.key, _side(part, change.old), _side(part, change.new))
        for part, changed in found.parts().items()
        for change in changed
    ]
    if rows:
        click.echo()
        print_table(("part", "key", found.old, found.new), rows)


def _side(part: str, value: Any) -> str:
    from regtrain_registry.recipe import shown

    if part == "state" and value is not None:
        shape, dtype = value
        return f"{shape} {dtype}"
    return number(value) if isinstance(value, float) else shown(value)


@models.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name in the registry.")
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), help="Overrule the computed part.")
@click.option("--version", help="Overrule the version: X.Y.Z.")
@click.option("--parent", multiple=True, metavar="REF", help="A version that this one came from.")
@json_option
def register(
    source: Path, model: str, bump: str | None, version: str | None, parent: tuple[str, ...], as_json: bool
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
        registry, owner, checkpoint=checkpoint_at(source), model=model, bump=bump, version=version, parents=parent
    )
    _tell("registered", made, as_json)


@models.command()
@click.argument("ref")
@click.argument("name")
@json_option
def alias(ref: str, name: str, as_json: bool) -> None:
    """Let NAME stand for REF: MODEL@NAME."""
    _tell("alias set", open_registry(Path.cwd()).set_alias(ref, name), as_json)


@models.command()
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


def _tell(what: str, version: VersionInfo, as_json: bool) -> None:
    if as_json:
        print_json(version.to_json())
    else:
        click.echo(f"{what}: {version.ref} (number {version.number}; {'; '.join(version.bump.reasons[:2])})")


def _metrics(metrics: dict[str, object], every: bool = False) -> str:
    wanted = {key: value for key, value in metrics.items() if every or key.startswith("val/")} or metrics
    return ", ".join(f"{key} {number(value)}" for key, value in list(wanted.items())[: None if every else 2]) or "-"
