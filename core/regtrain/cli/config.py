"""`regtrain config`: look at a config without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from regtrain.cli.output import json_option, print_json, print_table, say
from regtrain.config import explain as explain_key
from regtrain.config import load, to_flat
from regtrain.config import schema as make_schema

__all__ = ["config"]

CONFIG = click.argument("config", type=click.Path(path_type=Path))
OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
SECTION = click.option("--section", help="Stage of the config, where it has several.")


@click.group()
def config() -> None:
    """Look at a config without running it."""


@config.command()
@CONFIG
@OVERRIDES
@SECTION
@json_option
def show(config: Path, overrides: tuple[str, ...], section: str | None, as_json: bool) -> None:
    """Every value of CONFIG in canonical form, and where it came from."""
    flat = to_flat(load(config, overrides=overrides, section=section))
    if as_json:
        print_json(flat)
        return
    print_table(("key", "value", "source"), [(k, _shown(entry["value"]), entry["source"]) for k, entry in flat.items()])


@config.command()
@CONFIG
@OVERRIDES
@SECTION
@json_option
def check(config: Path, overrides: tuple[str, ...], section: str | None, as_json: bool) -> None:
    """Check keys, types and values of CONFIG."""
    load(config, overrides=overrides, section=section)
    if as_json:
        print_json({"ok": True})
    else:
        say(f"{config}: every key, type and value is right")


@config.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
def schema(config: Path | None) -> None:
    """JSON Schema of a config, so that editors complete it."""
    print_json(make_schema())


@config.command()
@click.argument("key")
@json_option
def explain(key: str, as_json: bool) -> None:
    """What KEY means: type, default, accepted spellings, environment variable, flag."""
    found = explain_key(key)
    facts = {name: getattr(found, name) for name in found.__dataclass_fields__}
    if as_json:
        print_json(facts)
        return
    print_table(
        ("fact", "value"), [(name.replace("_", " "), _shown(value)) for name, value in facts.items() if value != ()]
    )


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "[]"
    return "-" if value is None else str(value)
