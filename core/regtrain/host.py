"""The plugin host: entry points in, tables of factories out. Nobody else touches pluggy.

Plugins are loaded one at a time, so that a broken one is named and left out. A plugin is taken whole or not at all.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from types import FrameType
from typing import TYPE_CHECKING, Any

import pluggy

from regtrain import hookspecs
from regtrain.errors import EnvironmentFault, Guard, PluginError, UnknownNameError, nearest
from regtrain.types import KINDS, Alert, CheckpointEvent, Kind, RunEvent, VersionEvent

if TYPE_CHECKING:
    from regtrain.types import Plan

__all__ = ["GROUP", "Host", "Offer", "PluginInfo", "installed"]

GROUP = "regtrain"
IMPORT_SECONDS = 30.0  # of one plugin; torch takes a few


@dataclass(frozen=True)
class Offer:
    """One name of one plugin. `requires`: the package that the factory imports, as pip writes it; `traits`: facts
    about it, which `regtrain.types.Register` lists."""

    kind: Kind
    name: str
    factory: Callable[..., Any]
    plugin: str
    distribution: str
    requires: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict)

    def missing(self) -> str:
        """What is wrong with the required package; empty when it is there."""
        name, least = _requirement(self.requires)
        if not name:
            return ""
        try:
            found = version(name)
        except PackageNotFoundError:
            return f"needs the package {name!r}, which is not installed"
        if least and _numbers(found) < _numbers(least):
            return f"needs {self.requires}, and {name} {found} is installed"
        return ""


@dataclass(frozen=True)
class PluginInfo:
    """A plugin as `regtrain plugins list` shows it. `error` is empty when it is in use."""

    name: str
    distribution: str
    version: str
    provides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    error: str = ""
    clashes: tuple[str, ...] = ()
    """What another plugin offers by the same name, as lines; a run has to say which it means."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "provides": {kind: list(names) for kind, names in self.provides.items()},
            "listens": list(self.listens),
            "clashes": list(self.clashes),
            "error": self.error or None,
        }


def installed(environ: Mapping[str, str] = os.environ) -> list[EntryPoint]:
    """Entry points of group `regtrain`: ours first, then by distribution and name.

    REGTRAIN_LOAD_PLUGINS, a comma-separated list of names, limits them.
    """
    points = entry_points(group=GROUP)
    wanted = environ.get("REGTRAIN_LOAD_PLUGINS")
    if wanted is not None:
        names = {name.strip() for name in wanted.split(",")}
        points = type(points)(point for point in points if point.name in names)
    return sorted(points, key=lambda point: (_distribution(point) != GROUP, _distribution(point), point.name))


def _distribution(point: EntryPoint) -> str:
    return _fact(point, "Name")


def _version(point: EntryPoint) -> str:
    return _fact(point, "Version")


def _fact(point: EntryPoint, key: str) -> str:
    """What the distribution's metadata say; `?` where an interrupted install left none."""
    return point.dist.metadata[key] if point.dist and key in point.dist.metadata else "?"


def _requirement(text: str) -> tuple[str, str]:
    """Name and least version of `name>=version`; both empty for an empty text."""
    match = re.fullmatch(r"\s*([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:>=\s*([0-9.]+))?\s*", text)
    if match is None:
        raise ValueError(f"requires {text!r}: give a package, or package>=version")
    return match[1] or "", match[2] or ""


def _numbers(text: str) -> list[int]:
    """The leading numbers of a version."""
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return [int(part) for part in leading[0].split(".")] if leading else []


class Host:
    """Typed façade over the plugins. Make it with the installed entry points, or with others in a test."""

    def __init__(self, points: Iterable[EntryPoint] | None = None, import_seconds: float | None = None) -> None:
        """import_seconds: for one plugin, where less than usual is to be waited."""
        self._import_seconds = import_seconds
        self._points = installed() if points is None else list(points)
        self._plugins = pluggy.PluginManager(GROUP)
        self._plugins.add_hookspecs(hookspecs)
        self._offers: dict[tuple[Kind, str], list[Offer]] = {}
        self._trace = bool(os.environ.get("REGTRAIN_TRACE_PLUGINS"))
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
            replace(offer, name=_qualified(offer)) if len(rivals) > 1 else offer
            for (k, _), rivals in self._offers.items()
            if k == kind
            for offer in rivals
        ]
        return sorted(found, key=lambda offer: offer.name.lower())

    def offer(self, kind: Kind, name: str) -> Offer:
        """The offer of that name in any letter case; `DISTRIBUTION:NAME` says which, where two plugins offer it.

        Raises:
            PluginError: several plugins offer it, and none is named; or one that was left out does.
            UnknownNameError: no plugin offers it; the nearest names are given.
            EnvironmentFault: it requires a package that is not installed.
        """
        assert self.plugins is not None
        found = self._asked_for(kind, name)
        if found:
            problem = found.missing()
            if problem:
                raise EnvironmentFault(f"{_singular(kind)} {found.name!r} {problem}", f"pip install '{found.requires}'")
            return found
        bare = name.rpartition(":")[2].lower()
        for info, offers in self._left_out:
            if any(o.kind == kind and str(o.name).lower() == bare for o in offers):
                raise PluginError(
                    f"{_singular(kind)} {name!r} comes from plugin {info.name!r} of {info.distribution} "
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
            choices = sorted({_qualified(offer) for offer in rivals})
            raise PluginError(
                f"{_singular(kind)} {name!r} is offered by {which}",
                f"say which one: {' or '.join(choices)}"
                if len(choices) > 1
                else "uninstall the distribution, or leave one of its plugins out with REGTRAIN_LOAD_PLUGINS",
            )
        return replace(rivals[0], name=_qualified(rivals[0])) if rivals and colon else next(iter(rivals), None)

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
            call = _call_with_known(implementation)
            yield (
                by_name[implementation.plugin_name],
                _traced(hook, implementation.plugin_name, call) if self._trace else call,
            )

    def _take(self, point: EntryPoint) -> PluginInfo:
        """Load one plugin, or say why it is left out. What a plugin prints meanwhile goes to standard error."""
        info = PluginInfo(point.name, _distribution(point), _version(point))
        with redirect_stdout(sys.stderr):  # standard output belongs to the command
            with Guard() as call, _limited(point.value, self._import_seconds):
                plugin = point.load()
            if call.problem is not None:
                fault = f"{type(call.problem).__name__}: {call.problem}"
                return _left_out(info, f"import of {point.value} failed: {fault}")
            offers, error = _try_out(plugin, info)
        error = self._taken(plugin, point.name) or error or _fault_of(offers)
        if error:
            broken = _left_out(info, error)
            self._left_out.append((broken, offers))
            return broken
        self._plugins.register(plugin, point.name)
        for offer in offers:
            self._offers.setdefault((offer.kind, offer.name.lower()), []).append(offer)
        return PluginInfo(info.name, info.distribution, info.version, _grouped(offers), self._heard_by(point.name))

    def _clashes(self, info: PluginInfo) -> tuple[str, ...]:
        return tuple(
            f"{_singular(kind)} {offer.name!r} is also offered by plugin {offer.plugin!r} of {offer.distribution}"
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
        return f"no {_singular(kind)} is called {name!r}; {offer}", hint


def _try_out(plugin: object, info: PluginInfo) -> tuple[list[Offer], str]:
    """What a plugin offers, and why it cannot be taken (empty when it can).

    It is tried apart from the others, so that one with a fault leaves nothing behind. Its offers are asked for before
    its hooks are held against the specifications: a run that wants them is then told which plugin has the fault.
    """
    trial = pluggy.PluginManager(GROUP)
    offers: list[Offer] = []
    try:
        trial.register(plugin, info.name)
        offers, error = _offered(trial, info)
        trial.add_hookspecs(hookspecs)
        trial.check_pending()
    except pluggy.PluginValidationError as problem:
        return offers, " ".join(str(problem).split())
    except Exception as problem:
        return [], f"its hooks cannot be read: {type(problem).__name__}: {problem}"
    hooks = trial.get_hookcallers(plugin) or []
    if not hooks:
        return [], "it implements no hook of regtrain; is @hookimpl missing?"
    for hook in hooks:
        if any(implementation.wrapper or implementation.hookwrapper for implementation in hook.get_hookimpls()):
            return offers, f"{hook.name} is a wrapper around other plugins' hooks, which regtrain does not call"
    return offers, error


def _offered(trial: pluggy.PluginManager, info: PluginInfo) -> tuple[list[Offer], str]:
    offers: list[Offer] = []
    error = ""
    for kind in KINDS:
        caller = getattr(trial.hook, f"regtrain_register_{kind}", None)
        for implementation in caller.get_hookimpls() if caller else ():

            def register(
                name: str,
                factory: Callable[..., Any],
                *,
                requires: str = "",
                traits: Mapping[str, Any] | None = None,
                kind: Kind = kind,
            ) -> None:
                offers.append(Offer(kind, name, factory, info.name, info.distribution, requires, dict(traits or {})))

            with Guard() as call:
                implementation.function(*[register for _ in implementation.argnames])
            if call.problem is not None:
                fault = f"{type(call.problem).__name__}: {call.problem}"
                error = error or f"regtrain_register_{kind} failed: {fault}"
    return offers, error


def _call_with_known(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Call a hook implementation with those of the facts that it asks for."""

    def call(**facts: object) -> Any:
        return implementation.function(*[facts[name] for name in implementation.argnames])

    return call


@contextmanager
def _limited(what: str, most: float | None = None, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """A plugin that does not come back from its import is named, and stops neither help nor lists.

    Signals reach the main thread only; elsewhere there is no limit.
    """
    text = environ.get("REGTRAIN_PLUGIN_SECONDS", "")
    seconds = float(text) if text.replace(".", "", 1).isdecimal() else IMPORT_SECONDS
    seconds = min(seconds or most, most) if most else seconds
    if threading.current_thread() is not threading.main_thread() or not seconds:
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"{what} was not imported within {seconds:g} seconds (REGTRAIN_PLUGIN_SECONDS)")

    before = signal.signal(signal.SIGALRM, late)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)
        signal.signal(signal.SIGALRM, before)


def _traced(hook: str, plugin: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """REGTRAIN_TRACE_PLUGINS: each call of a hook as a line on standard error, with its time in milliseconds."""

    def traced(**facts: object) -> Any:
        began = time.perf_counter()
        try:
            return call(**facts)
        finally:
            took = (time.perf_counter() - began) * 1000
            print(f"plugin {plugin}: {hook}({', '.join(facts)}) {took:.1f} ms", file=sys.stderr)

    return traced


def _fault_of(offers: list[Offer]) -> str:
    """What keeps the offers of one plugin from being taken."""
    seen: set[tuple[Kind, str]] = set()
    for offer in offers:
        if not isinstance(offer.name, str) or not offer.name.strip() or not callable(offer.factory):
            return f"offers a {_singular(offer.kind)} {offer.name!r} that is not a name with a callable"
        if ":" in offer.name:
            return f"offers the {_singular(offer.kind)} {offer.name!r}: a colon separates distribution and name"
        try:
            _requirement(offer.requires)
        except (TypeError, ValueError) as problem:
            return f"offers the {_singular(offer.kind)} {offer.name!r}, which {problem}"
        if (offer.kind, offer.name.lower()) in seen:
            return f"offers the {_singular(offer.kind)} {offer.name!r} twice"
        seen.add((offer.kind, offer.name.lower()))
    return ""


def _qualified(offer: Offer) -> str:
    return f"{offer.distribution}:{offer.name}"


def _left_out(info: PluginInfo, error: str) -> PluginInfo:
    return PluginInfo(info.name, info.distribution, info.version, error=error)


def _grouped(offers: list[Offer]) -> dict[str, tuple[str, ...]]:
    return {
        kind: tuple(offer.name for offer in offers if offer.kind == kind)
        for kind in KINDS
        if any(offer.kind == kind for offer in offers)
    }


def _singular(kind: Kind) -> str:
    return "strategy" if kind == "strategies" else kind[:-1]
