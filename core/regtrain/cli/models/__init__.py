"""`regtrain models`: what is registered."""

from __future__ import annotations

import click

from regtrain.cli.lazy import LazyGroup

__all__ = ["models"]

LISTS = "regtrain.cli.models.lists"
MARKING = "regtrain.cli.models.marking"
RELATIONS = "regtrain.cli.models.relations"
FILES = "regtrain.cli.models.files"

COMMANDS = {
    "list": (f"{LISTS}:list_models", "Every model with its latest version."),
    "show": (f"{LISTS}:show", "One version: metrics, files, parents, and why it has its number."),
    "versions": (f"{LISTS}:versions", "Every version of a model."),
    "history": (f"{LISTS}:history", "Who did what to a model, and when."),
    "lineage": (f"{RELATIONS}:lineage", "What a version came from, or what came from it."),
    "diff": (f"{RELATIONS}:diff", "What differs between two versions."),
    "register": (f"{FILES}:register", "Register a run folder, or one of its checkpoints."),
    "alias": (f"{MARKING}:alias", "Let a name stand for a version."),
    "promote": (f"{MARKING}:promote", "Let a version hold a stage, if the stage's gates are passed."),
    "tag": (f"{MARKING}:tag", "Give a version tags."),
    "describe": (f"{MARKING}:describe", "Write a version's description."),
    "pin": (f"{MARKING}:pin", "Keep a version whatever a policy says."),
    "deprecate": (f"{MARKING}:deprecate", "Advise against a version."),
    "archive": (f"{MARKING}:archive", "Take a version out of latest and ranges."),
    "checkout": (f"{FILES}:checkout", "Copy a version's files to a folder."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def models() -> None:
    """Registered models and their versions."""
