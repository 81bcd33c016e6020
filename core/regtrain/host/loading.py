"""Loading one plugin: tried apart from the others, within a time limit, and called behind a guard."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pluggy

from regtrain import hookspecs
from regtrain.errors import Guard
from regtrain.host.offers import GROUP, Offer, PluginInfo
from regtrain.types import KINDS, Kind

__all__ = ["call_with_known", "import_seconds", "is_traced", "left_out", "limited", "traced", "try_out"]

IMPORT_SECONDS = 30.0  # of one plugin; torch takes a few


def try_out(plugin: object, info: PluginInfo, *, trace: bool = False) -> tuple[list[Offer], str]:
    """What a plugin offers, and why it cannot be taken (empty when it can).

    It is tried apart from the others, so that one with a fault leaves nothing behind. Its offers are asked for before
    its hooks are held against the specifications: a run that wants them is then told which plugin has the fault.
    """
    trial = pluggy.PluginManager(GROUP)
    offers: list[Offer] = []
    try:
        trial.register(plugin, info.name)
        offers, error = _offered(trial, info, trace)
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


def _offered(trial: pluggy.PluginManager, info: PluginInfo, trace: bool) -> tuple[list[Offer], str]:
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

            hook = f"regtrain_register_{kind}"
            function = traced(hook, info.name, implementation.function) if trace else implementation.function
            with Guard() as call:
                function(**dict.fromkeys(implementation.argnames, register))
            if call.problem is not None:
                fault = f"{type(call.problem).__name__}: {call.problem}"
                error = error or f"{hook} failed: {fault}"
    return offers, error


def call_with_known(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Call a hook implementation with those of the facts that it asks for."""

    def call(**facts: object) -> Any:
        return implementation.function(*[facts[name] for name in implementation.argnames])

    return call


def import_seconds(environ: Mapping[str, str] = os.environ) -> float:
    """The most seconds that the import of one plugin may take; 0 for no limit."""
    text = environ.get("REGTRAIN_PLUGIN_SECONDS", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else IMPORT_SECONDS


@contextmanager
def limited(what: str, most: float | None = None, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """A plugin that does not come back from its import is named, and stops neither help nor lists.

    Signals reach the main thread only; elsewhere there is no limit.
    """
    seconds = import_seconds(environ)
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


def is_traced(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("REGTRAIN_TRACE_PLUGINS", "").lower() not in ("", "0", "false", "no", "off")


def traced(hook: str, plugin: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """REGTRAIN_TRACE_PLUGINS: each call of a hook as a line on standard error, with its time in milliseconds."""

    def traced(**facts: object) -> Any:
        began = time.perf_counter()
        try:
            return call(**facts)
        finally:
            took = (time.perf_counter() - began) * 1000
            print(f"plugin {plugin}: {hook}({', '.join(facts)}) {took:.1f} ms", file=sys.stderr)

    return traced


def left_out(info: PluginInfo, error: str) -> PluginInfo:
    return PluginInfo(info.name, info.distribution, info.version, error=error)
