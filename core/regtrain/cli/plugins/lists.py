"""`regtrain plugins list` and `show`: what is installed, what it offers, and what could not be loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from regtrain.cli.output import json_option, print_json, print_table, say
from regtrain.errors import UnknownNameError, nearest
from regtrain.host import Host, Offer, PluginInfo, not_installed
from regtrain.host.offers import singular
from regtrain.types import KINDS

__all__ = ["list_plugins", "show"]

WIDTH = 120  # of a signature on one line


@click.command("list")
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


def _offers(info: PluginInfo) -> str:
    if info.error:
        return f"LEFT OUT: {info.error}"
    offers = [f"{kind}: {', '.join(names)}" for kind, names in info.provides.items()]
    return "; ".join([*offers, *info.listens, *(f"CLASH: {line}" for line in info.clashes)])


@click.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """A plugin, or a name that plugins offer: signatures, documentation, requirements and traits."""
    from regtrain.host.describe import describe
    from regtrain.host.survey import survey, usable_points

    infos = survey()
    host = Host(usable_points(infos))
    info = next((info for info in infos if info.name == name), None)
    offers = _offered(host, name) if info is None else _of_plugin(host, info)
    if info is None and not offers:
        raise _unknown(name, infos, host)
    described = [describe(offer) for offer in offers]
    if as_json:
        print_json((info.to_json() if info else {"name": name}) | {"offers": described})
        return
    if info is not None:
        rows = [("plugin", info.name), ("distribution", f"{info.distribution} {info.version}")]
        rows += [("clash", line) for line in info.clashes]
        rows += [("listens to", ", ".join(info.listens) or "-"), ("left out", info.error or "no")]
        print_table(("fact", "value"), rows)
    for number, offer in enumerate(described):
        _print_offer(offer, space=info is not None or number > 0)


def _of_plugin(host: Host, info: PluginInfo) -> list[Offer]:
    return [offer for kind in KINDS for offer in host.offers(kind) if offer.plugin == info.name]


def _offered(host: Host, name: str) -> list[Offer]:
    """Every offer that NAME or DISTRIBUTION:NAME means, whatever its kind."""
    distribution, colon, bare = name.lower().rpartition(":")
    return [
        offer
        for kind in KINDS
        for offer in host.offers(kind)
        if offer.name.lower().rpartition(":")[2] == bare and (not colon or offer.distribution.lower() == distribution)
    ]


def _unknown(name: str, infos: Iterable[PluginInfo], host: Host) -> UnknownNameError:
    plugins = [info.name for info in infos]
    names = [*plugins, *(offered for kind in KINDS for offered in host.names(kind))]
    near = nearest(name.rpartition(":")[2], names) or nearest(name, names)
    hint = f"nearest: {', '.join(near)}" if near else f"plugins: {', '.join(plugins)}"
    return UnknownNameError(f"no plugin, and nothing that a plugin offers, is called {name!r}", hint)


def _print_offer(offer: dict[str, Any], *, space: bool) -> None:
    if space:
        say()
    heading = f"{singular(offer['kind'])} {offer['name']}"
    signature = offer["signature"] or "(…)"
    if len(heading + signature) <= WIDTH:
        say(heading + signature)
    else:
        say("\n".join([f"{heading}(", *(f"        {argument}," for argument in offer["arguments"]), "    )"]))
    facts = {
        "": " ".join(offer["doc"].partition("\n\n")[0].split()),
        "requires ": f"{offer['requires']}{' (MISSING)' if offer['missing'] else ''}" if offer["requires"] else "",
        "traits ": ", ".join(f"{key}: {value}" for key, value in offer["traits"].items()),
        "from ": f"{offer['source']}, plugin {offer['plugin']} of {offer['distribution']}",
    }
    for label, text in facts.items():
        if text:
            say(f"    {label}{text}")
