"""`regtrain models list`, `versions`, `show`, `history`: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regtrain.cli.output import (
    filter_option,
    json_option,
    limit_option,
    number,
    order_option,
    print_json,
    print_table,
    say,
    size,
    time,
)
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry import VersionInfo

__all__ = ["history", "list_models", "search", "show", "versions"]

SECONDS = "%Y-%m-%d %H:%M:%S"


@click.command("list")
@filter_option
@order_option
@limit_option
@json_option
def list_models(filter: str | None, order_by: str | None, limit: int | None, as_json: bool) -> None:
    """Every model with its latest version, which is what --filter and --order-by look at."""
    found = open_registry(Path.cwd()).models(filter, order_by, limit)
    if as_json:
        print_json([model.to_json() for model in found])
        return
    rows = []
    for model in found:
        latest = model.latest
        metrics = _metrics(latest.metrics) if latest else "-"
        damaged = latest is not None and latest.status.value == "damaged"
        when = "damaged" if damaged else time(latest.created_at if latest else None)
        rows.append(
            (model.name, latest.version if latest else "-", model.versions, size(model.size_bytes), when, metrics)
        )
    print_table(("model", "latest", "versions", "size", "created", "metrics"), rows)


@click.command()
@click.argument("model")
@filter_option
@order_option
@limit_option
@json_option
def versions(model: str, filter: str | None, order_by: str | None, limit: int | None, as_json: bool) -> None:
    """Every version of MODEL, highest first."""
    found = open_registry(Path.cwd()).versions(model, limit, filter=filter, order_by=order_by)
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


@click.command()
@filter_option
@order_option
@limit_option
@json_option
def search(filter: str | None, order_by: str | None, limit: int | None, as_json: bool) -> None:
    """Versions of every model, newest first."""
    found = open_registry(Path.cwd()).search(filter, order_by, limit)
    if as_json:
        print_json([version.to_json() for version in found])
        return
    rows = [
        (v.ref, v.number, v.status.value, ", ".join([*v.stages, *v.aliases]) or "-", _when(v), _metrics(v.metrics))
        for v in found
    ]
    print_table(("version", "number", "status", "stages and aliases", "created", "metrics"), rows)


@click.command()
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
    overruled += ", forced" if bump.forced else ""
    source = found.source.git_commit or "no git"
    facts = [
        ("version", f"{found.ref} (number {found.number}, {_status(found)})"),
        ("why", f"{bump.kind}{overruled}: {'; '.join(bump.reasons)}"),
        ("compared with", bump.base or "-"),
        ("created", f"{time(found.created_at, SECONDS)} UTC"),
        ("run", found.run_id or "-"),
        ("metrics", _metrics(found.metrics, every=True)),
        ("aliases", ", ".join(found.aliases) or "-"),
        ("stages", ", ".join(found.stages) or "-"),
        ("tags", ", ".join(f"{name}={value}" for name, value in found.tags.items()) or "-"),
        ("parents", ", ".join(f"{p.ref} ({p.relation.value})" for p in found.parents) or "-"),
        ("source", f"{source}{' with uncommitted changes' if found.source.dirty else ''}"),
        ("signature", json.dumps(found.signature) if found.signature else "-"),
        ("digest", found.digest),
        ("size", size(found.size_bytes)),
    ]
    print_table(("fact", "value"), facts)
    say()
    print_table(
        ("file", "kind", "size", "digest"),
        [(a.path, a.kind.value, size(a.size_bytes), a.digest) for a in found.artifacts],
    )


@click.command()
@click.argument("ref", metavar="MODEL|REF")
@limit_option
@json_option
def history(ref: str, limit: int | None, as_json: bool) -> None:
    """Who did what to a model, or to one of its versions, newest first."""
    found = open_registry(Path.cwd()).history(ref, limit)
    if as_json:
        print_json([event.to_json() for event in found])
        return
    rows = [(e.seq, f"{e.at:%Y-%m-%d %H:%M:%S}", e.who or "-", e.kind.value, e.version, _facts(e.facts)) for e in found]
    print_table(("event", "when (UTC)", "who", "what", "version", "facts"), rows)


def _when(version: VersionInfo) -> str:
    return time(version.created_at)


def _facts(facts: dict[str, object]) -> str:
    """A value that fits a line: lists are for --json."""
    plain = {key: value for key, value in facts.items() if not isinstance(value, list | dict)}
    return ", ".join(f"{key} {'none' if value is None else value}" for key, value in plain.items()) or "-"


def _status(version: VersionInfo) -> str:
    marks = version.marks
    parts = [version.status.value, "pinned" if marks.pinned else "", marks.reason or ""]
    parts.append(f"take {marks.successor}" if marks.successor else "")
    return ", ".join(part for part in parts if part)


def _metrics(metrics: dict[str, object], every: bool = False) -> str:
    wanted = {key: value for key, value in metrics.items() if every or key.startswith("val/")} or metrics
    return ", ".join(f"{key} {number(value)}" for key, value in list(wanted.items())[: None if every else 2]) or "-"
