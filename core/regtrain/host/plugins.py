"""The plugin host: entry points in, tables of factories out. Nobody else touches pluggy.

Plugins are loaded one at a time, so that a broken one is named and left out. A plugin is taken whole or not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pluggy

from regtrain import hookspecs
from regtrain.errors import EnvironmentFault, Guard, PluginError, UnknownNameError, nearest
from regtrain.host.loading import call_with_known, is_traced, left_out, limited, traced, try_out
from regtrain.host.offers import (
    GROUP,
    Offer,
    PluginInfo,
    distribution_of,
    fault_of,
    grouped,
    installed,
    qualified,
    singular,
    version_of,
)
from regtrain.types import KINDS, Alert, CheckpointEvent, Kind, RunEvent, VersionEvent

if TYPE_CHECKING:
    from regtrain.types import Plan

__all__ = ["Host"]


class Host:
    """Typed façade over the plugins. Make it with the installed entry points, or with others in a test."""

    def __init__(
        self,
        points: Iterable[EntryPoint] | None = None,
        import_seconds: float | None = None,
        before_import: Callable[[EntryPoint], None] | None = None,
    ) -> None:
        """import_seconds: for one plugin, where less than usual is to be waited. before_import: called with each."""
        self._import_seconds = import_seconds
        self._before_import = before_import
        self._points = installed() if points is None else list(points)
        self._plugins = pluggy.PluginManager(GROUP)
        self._plugins.add_hookspecs(hookspecs)
        self._offers: dict[tuple[Kind, str], list[Offer]] = {}
        self._trace = is_traced()
        self._left_out: list[tuple[PluginInfo, list[Offer]]] = []

    @cached_property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every installed plugin, loaded on first use."""
        found = [self._take(point) for point in self._points]
        return tuple(info if info.error else replace(info, clashes=self._clashes(info)) for info in found)

    def names(self, kind: Kind) -> list[str]:
        """Names on offer, as their plugins spell them; `DISTRIBUTION:NAME` where several plugins offer one."""
        return [offer.name for offer in self.offers(kind)]

    def offers(self, kind: Kind) -> list[Offer]:
        """All offers of a kind, also those whose package is missing."""
        assert self.plugins is not None
        found = [
            replace(offer, name=qualified(offer)) if len(rivals) > 1 else offer
            for (k, _), rivals in self._offers.items()
            if k == kind
            for offer in rivals
        ]
        return sorted(found, key=lambda offer: offer.name.lower())

    def offer(self, kind: Kind, name: str, *, usable: bool = True) -> Offer:
        """The offer of that name in any letter case; `DISTRIBUTION:NAME` says which, where two plugins offer it.

        Args:
            usable: the package that it requires has to be installed.

        Raises:
            PluginError: several plugins offer it, and none is named; or one that was left out does.
            UnknownNameError: no plugin offers it; the nearest names are given.
            EnvironmentFault: it requires a package that is not installed.
        """
        assert self.plugins is not None
        found = self._asked_for(kind, name)
        if found:
            problem = found.missing() if usable else ""
            if problem:
                raise EnvironmentFault(f"{singular(kind)} {found.name!r} {problem}", f"pip install '{found.requires}'")
            return found
        bare = name.rpartition(":")[2].lower()
        for info, offers in self._left_out:
            if any(o.kind == kind and str(o.name).lower() == bare for o in offers):
                raise PluginError(
                    f"{singular(kind)} {name!r} comes from plugin {info.name!r} of {info.distribution} "
                    f"{info.version}, which was left out: {info.error}",
                    f"mend or uninstall {info.distribution}; `regtrain plugins list` shows every plugin",
                )
        raise UnknownNameError(*self._unknown(kind, name))

    def _asked_for(self, kind: Kind, name: str) -> Offer | None:
        """The one offer that `NAME` or `DISTRIBUTION:NAME` means; it keeps the name that it was asked for by."""
        distribution, colon, bare = name.rpartition(":")
        rivals = self._offers.get((kind, bare.lower()), [])
        if colon:
            rivals = [offer for offer in rivals if offer.distribution.lower() == distribution.lower()]
        if len(rivals) > 1:
            which = " and ".join(f"plugin {offer.plugin!r} of {offer.distribution}" for offer in rivals)
            choices = sorted({qualified(offer) for offer in rivals})
            raise PluginError(
                f"{singular(kind)} {name!r} is offered by {which}",
                f"say which one: {' or '.join(choices)}"
                if len(choices) > 1
                else "uninstall the distribution, or leave one of its plugins out with REGTRAIN_LOAD_PLUGINS",
            )
        return replace(rivals[0], name=qualified(rivals[0])) if rivals and colon else next(iter(rivals), None)

    def run_planned(self, plan: Plan) -> None:
        """Ask every plugin about the plan.

        Raises:
            PluginError: a plugin refused it.
        """
        self._ask("regtrain_run_planned", "the run", plan=plan)

    def version_promoted(self, version: VersionEvent, stage: str) -> list[str]:
        """Ask every plugin whether a version may hold a stage; the names of those who were asked.

        Raises:
            PluginError: a plugin refused it.
        """
        return self._ask("regtrain_version_promoted", "the promotion", version=version, stage=stage)

    def checkpoint_saved(self, checkpoint: CheckpointEvent) -> list[str]:
        return self._tell("regtrain_checkpoint_saved", checkpoint=checkpoint)

    def version_registered(self, version: VersionEvent) -> list[str]:
        return self._tell("regtrain_version_registered", version=version)

    def alert(self, alert: Alert) -> list[str]:
        return self._tell("regtrain_alert", alert=alert)

    def run_started(self, run: RunEvent) -> list[str]:
        return self._tell("regtrain_run_started", run=run)

    def run_finished(self, run: RunEvent) -> list[str]:
        return self._tell("regtrain_run_finished", run=run)

    def _ask(self, hook: str, what: str, **facts: object) -> list[str]:
        asked = []
        for info, listener in self._listeners(hook):
            with Guard() as call:
                listener(**facts)
            if call.problem is not None:
                raise PluginError(
                    f"plugin {info.name!r} of {info.distribution} refused {what}: "
                    f"{str(call.problem) or type(call.problem).__name__}",
                    "change what it objects to, or leave it out with REGTRAIN_LOAD_PLUGINS",
                ) from call.problem
            asked.append(f"plugin {info.name!r} of {info.distribution}")
        return asked

    def _tell(self, hook: str, **facts: object) -> list[str]:
        """Tell every listener; what goes wrong in one is returned as a line and stops nobody else."""
        problems = []
        for info, listener in self._listeners(hook):
            with Guard() as call:
                listener(**facts)
            if call.problem is not None:
                problems.append(f"plugin {info.name!r} of {info.distribution} failed in {hook}: {call.problem!r}")
        return problems

    def _listeners(self, hook: str) -> Iterator[tuple[PluginInfo, Callable[..., Any]]]:
        by_name = {info.name: info for info in self.plugins if not info.error}
        for implementation in getattr(self._plugins.hook, hook).get_hookimpls():
            call = call_with_known(implementation)
            yield (
                by_name[implementation.plugin_name],
                traced(hook, implementation.plugin_name, call) if self._trace else call,
            )

    def _take(self, point: EntryPoint) -> PluginInfo:
        """Load one plugin, or say why it is left out. What a plugin prints meanwhile goes to standard error."""
        info = PluginInfo(point.name, distribution_of(point), version_of(point))
        if self._before_import is not None:
            self._before_import(point)
        load = traced(f"import {point.value}", point.name, point.load) if self._trace else point.load
        with redirect_stdout(sys.stderr):  # standard output belongs to the command
            with Guard() as call, limited(point.value, self._import_seconds):
                plugin = load()
            if call.problem is not None:
                fault = f"{type(call.problem).__name__}: {call.problem}"
                return left_out(info, f"import of {point.value} failed: {fault}")
            offers, error = try_out(plugin, info, trace=self._trace)
        error = self._taken(plugin, point.name) or error or fault_of(offers)
        if error:
            broken = left_out(info, error)
            self._left_out.append((broken, offers))
            return broken
        self._plugins.register(plugin, point.name)
        for offer in offers:
            self._offers.setdefault((offer.kind, offer.name.lower()), []).append(offer)
        return PluginInfo(info.name, info.distribution, info.version, grouped(offers), self._heard_by(point.name))

    def _clashes(self, info: PluginInfo) -> tuple[str, ...]:
        return tuple(
            f"{singular(kind)} {offer.name!r} is also offered by plugin {offer.plugin!r} of {offer.distribution}"
            for kind in KINDS
            for name in info.provides.get(kind, ())
            for offer in self._offers[kind, name.lower()]
            if offer.plugin != info.name
        )

    def _taken(self, plugin: object, name: str) -> str:
        if self._plugins.get_plugin(name) is not None:
            return f"another plugin is already called {name!r}"
        other = self._plugins.get_name(plugin)
        return f"it is the same object as plugin {other!r}" if other else ""

    def _heard_by(self, plugin: str) -> tuple[str, ...]:
        hooks = [caller.name for caller in self._plugins.get_hookcallers(self._plugins.get_plugin(plugin)) or ()]
        return tuple(sorted(hook for hook in hooks if not hook.startswith("regtrain_register_")))

    def _unknown(self, kind: Kind, name: str) -> tuple[str, str]:
        names = self.names(kind)
        near = nearest(name, names) or nearest(name.rpartition(":")[2], names)
        offer = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(names) or 'none'}"
        broken = [info for info in self.plugins if info.error]
        hint = "`regtrain plugins list` shows what each plugin offers"
        if broken:
            hint = "left out: " + "; ".join(f"{i.name!r} of {i.distribution} ({i.error})" for i in broken)
        return f"no {singular(kind)} is called {name!r}; {offer}", hint
