"""`regtrain registry`: the registry itself."""

from __future__ import annotations

from pathlib import Path

import click

from regtrain.run.place import open_registry

__all__ = ["registry"]


@click.group()
def registry() -> None:
    """The registry itself."""


@registry.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    opened = open_registry(Path.cwd(), create=True)
    opened.upgrade()
    click.echo(f"{opened.uri} has schema {opened.schema_version()}")
