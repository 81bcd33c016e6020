"""`regtrain models`: what is registered."""

from __future__ import annotations

import click

from regtrain.cli.lazy import LazyGroup

__all__ = ["models"]

LISTS = "regtrain.cli.models.lists"
MARKING = "regtrain.cli.models.marking"
RELATIONS = "regtrain.cli.models.relations"
FILES = "regtrain.cli.models.files"
RETENTION = "regtrain.cli.models.retention"

COMMANDS = {
    "list": (f"{LISTS}:list_models", "Every model with its latest version."),
    "show": (f"{LISTS}:show", "One version: metrics, files, parents, and why it has its number."),
    "versions": (f"{LISTS}:versions", "Every version of a model."),
    "search": (f"{LISTS}:search", "Versions of every model that a filter chooses."),
    "history": (f"{LISTS}:history", "Who did what to a model, and when."),
    "lineage": (f"{RELATIONS}:lineage", "What a version came from, or what came from it."),
    "diff": (f"{RELATIONS}:diff", "What differs between two versions."),
    "register": (f"{FILES}:register", "Register a run folder, or one of its checkpoints."),
    "alias": (f"{MARKING}:alias", "Set an alias of a version."),
    "promote": (f"{MARKING}:promote", "Let a version hold a stage, if the stage's gates are passed."),
    "rename": (f"{RELATIONS}:rename", "Give a model another name; the former one still answers."),
    "copy": (f"{RELATIONS}:copy", "Copy a version to another model."),
    "tag": (f"{MARKING}:tag", "Give a version tags."),
    "describe": (f"{MARKING}:describe", "Write a version's description."),
    "pin": (f"{MARKING}:pin", "Keep a version whatever a policy says."),
    "deprecate": (f"{MARKING}:deprecate", "Advise against a version."),
    "archive": (f"{MARKING}:archive", "Take a version out of latest and ranges."),
    "policy": (f"{RETENTION}:policy", "Which versions of a model are kept."),
    "prune": (f"{RETENTION}:prune", "Let versions expire that no rule keeps."),
    "delete": (f"{RETENTION}:delete", "Let one version expire."),
    "restore": (f"{RETENTION}:restore", "Bring back a version that expired or was archived."),
    "checkout": (f"{FILES}:checkout", "Copy a version's files to a folder, with its card and plots."),
    "card": (f"{FILES}:card", "The model card of a version."),
    "verify": (f"{FILES}:verify", "Check every file of a version, and its signature."),
    "sign": (f"{FILES}:sign", "Sign a version with a private key."),
    "export-archive": (f"{FILES}:export_archive", "Write versions with their lineage to one file."),
    "import-archive": (f"{FILES}:import_archive", "Take in the versions of such a file."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def models() -> None:
    """Registered models and their versions."""
