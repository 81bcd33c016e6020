"""`regtrain registry`: the registry itself."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regtrain.cli.output import json_option, print_json, print_table, say, size
from regtrain.run.open_registry import open_registry

if TYPE_CHECKING:
    from regtrain_registry.domain.collection import Collection

__all__ = ["registry"]


@click.group()
def registry() -> None:
    """The registry itself."""


@registry.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    opened = open_registry(Path.cwd())
    opened.upgrade()
    say(f"{opened.uri} has schema {opened.schema_version()}")


@registry.command()
@json_option
def du(as_json: bool) -> None:
    """How many bytes each model takes, alone and shared, what sharing spares, and what waits to be collected."""
    usage = open_registry(Path.cwd()).du()
    if as_json:
        print_json(usage.to_json())
        return
    rows = [
        (m.name, m.versions, *map(size, (m.logical_bytes, m.stored_bytes, m.own_bytes, m.saved_bytes)))
        for m in usage.models
    ]
    total = sum(model.versions for model in usage.models)
    sums = usage.logical_bytes, usage.stored_bytes, usage.stored_bytes, usage.saved_bytes
    rows.append(("all models", total, *map(size, sums)))
    print_table(("model", "versions", "files", "in the store", "of it alone", "spared by sharing"), rows)
    say()
    spared = [("spared by sharing", usage.saved_bytes), ("unreferenced", usage.idle_bytes)]
    print_table(("besides", "size"), [(name, size(count)) for name, count in [*spared, ("trash", usage.trash_bytes)]])


@registry.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be collected.")
@click.option("--explain", is_flag=True, help="Name every version and file with its reason, also what stays.")
@click.option("--grace", default="7d", metavar="TIME", show_default=True, help="How long what expired can come back.")
@click.option("--yes", is_flag=True, help="Go on where more than half of the store would be collected.")
@json_option
def gc(dry_run: bool, explain: bool, grace: str, yes: bool, as_json: bool) -> None:
    """Collect versions that expired before the grace period, and unreferenced files of the store.

    Files go to the store's trash first; what has been there for the grace is deleted.
    """
    from regtrain_registry.domain.policy import parse_duration

    span = timedelta() if grace == "0" else parse_duration(grace, "--grace")
    found = open_registry(Path.cwd()).gc(span, dry_run=dry_run, confirmed=yes)
    if as_json:
        print_json(found.to_json())
        return
    decisions = [decision for decision in (*found.versions, *found.files) if explain or decision.action != "keep"]
    if decisions:
        print_table(
            ("action", "what", "size", "why"), [(f.action, f.name, size(f.size_bytes), f.reason) for f in decisions]
        )
    say(_in_all(found))


def _in_all(found: Collection) -> str:
    """What was done, or would be, in one line."""
    would = "would be " if found.dry_run else ""
    ends = {"trash": "moved to the trash", "purge": "deleted from there"}
    parts = [f"{size(found.bytes(action))} {would}{end}" for action, end in ends.items()]
    count = found.count("collect")
    return ", ".join([f"{count} version{'s' * (count != 1)} {would}collected", *parts])


@registry.command()
@click.option("--read-data", is_flag=True, help="Read every byte, and hold it against its digest.")
@click.option("--repair", is_flag=True, help="Move damaged files to the store's quarantine. Rows are never changed.")
@json_option
def fsck(read_data: bool, repair: bool, as_json: bool) -> int:
    """Hold rows, histories and files against each other. Exit code 4 when something is wrong."""
    found = open_registry(Path.cwd()).fsck(read_data=read_data, repair=repair)
    if as_json:
        print_json(found.to_json())
    else:
        for problem in found.problems:
            say(f"{problem.kind}: {problem.message}")
            if problem.quarantined:
                say(f"  moved to {problem.quarantined}")
        state = "ok" if found.ok else f"{len(found.problems)} problems"
        garbage = f"{found.garbage} files of no version ({size(found.garbage_bytes)})"
        say(f"{state}: {found.versions} versions, {found.blobs} files, {garbage}")
    return 0 if found.ok else 4


@registry.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write the database to a new FILE while others go on writing. The store is copied by other means, after it."""
    opened = open_registry(Path.cwd())
    made = opened.backup(file)
    if as_json:
        print_json({"path": str(made), "size_bytes": made.stat().st_size, "store": opened.store_place})
        return
    say(f"{made}: {size(made.stat().st_size)}")
    source = shlex.quote(f"{opened.store_place}/sha256/")
    how = f"copy {source} with the tools of its place" if "://" in source else f"rsync -a {source} BACKUP/sha256/"
    say(f"now the files: {how}", err=True)
