"""`regtrain plugins`: what is installed, what it offers, and what could not be loaded."""

from __future__ import annotations

import click

from regtrain.cli.output import json_option, print_json, print_table, say
from regtrain.errors import UnknownNameError, nearest
from regtrain.host import Host, PluginInfo, not_installed

__all__ = ["plugins"]


@click.group()
def plugins() -> None:
    """Installed plugins."""


@plugins.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """Every plugin with its distribution, what it offers, and why it was left out, if it was."""
    from regtrain.host.survey import survey

    for name in not_installed():
        say(f"warning: REGTRAIN_LOAD_PLUGINS names {name!r}, which is no installed plugin or distribution", err=True)
    found = survey()
    if as_json:
        print_json([info.to_json() for info in found])
        return
    rows = [(info.name, info.distribution, info.version, _offers(info)) for info in found]
    print_table(("plugin", "distribution", "version", "provides"), rows)


@plugins.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """One plugin."""
    found = {info.name: info for info in Host().plugins}
    if name not in found:
        near = nearest(name, found) or sorted(found)
        raise UnknownNameError(f"no plugin is called {name!r}", f"there are: {', '.join(near)}")
    info = found[name]
    if as_json:
        print_json(info.to_json())
        return
    rows = [("plugin", info.name), ("distribution", f"{info.distribution} {info.version}")]
    rows += [(kind, ", ".join(names)) for kind, names in info.provides.items()]
    rows += [("clash", line) for line in info.clashes]
    rows += [("listens to", ", ".join(info.listens) or "-"), ("left out", info.error or "no")]
    print_table(("fact", "value"), rows)


def _offers(info: PluginInfo) -> str:
    if info.error:
        return f"LEFT OUT: {info.error}"
    offers = [f"{kind}: {', '.join(names)}" for kind, names in info.provides.items()]
    return "; ".join([*offers, *info.listens, *(f"CLASH: {line}" for line in info.clashes)])
