"""`regtrain plugins`: what is installed, what it offers, and how to begin one."""

from __future__ import annotations

import click

from regtrain.cli.lazy import LazyGroup

__all__ = ["plugins"]

COMMANDS = {
    "list": ("regtrain.cli.plugins.lists:list_plugins", "Every plugin with its distribution and what it offers."),
    "show": ("regtrain.cli.plugins.lists:show", "What a plugin offers, or what an offered name is, with signatures."),
    "new": ("regtrain.cli.plugins.new:new", "Write a package with a working plugin, tests and continuous integration."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def plugins() -> None:
    """Installed plugins, and packages for new ones."""
