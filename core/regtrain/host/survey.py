"""What is installed, found out in a process of its own: a plugin that never comes back can be named and left out.

A host stops an import that takes too long by a signal, which a plugin can catch and which code in C never sees. Lists
and checks of the installation are for finding just such plugins, so they have the plugins of other packages imported by
a child, which says what it imports next, and is killed when it says nothing for too long.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import EntryPoint
from typing import Any

from regtrain.errors import EnvironmentFault
from regtrain.host.loading import import_seconds
from regtrain.host.offers import GROUP, PluginInfo, distribution_of, installed, version_of
from regtrain.host.plugins import Host

__all__ = ["survey", "usable_points"]

Key = tuple[str, str]  # distribution and plugin
GRACE = 1.0  # seconds beyond the limit, within which an import that can be interrupted ends by itself


def survey() -> tuple[PluginInfo, ...]:
    """Every installed plugin as a host takes it; those that hang or end the process when they are imported, too.

    Raises:
        EnvironmentFault: no plugin can be imported, because no process can be started.
    """
    points = installed()
    if all(distribution_of(point) == GROUP for point in points):
        return Host(points).plugins
    faults: dict[Key, str] = {}
    while True:
        found, last, fault = _ask_child(list(faults))
        if found is not None:
            break
        if last is None or last in faults:
            raise EnvironmentFault(f"the plugins cannot be listed: {fault}", "leave all out: REGTRAIN_LOAD_PLUGINS=''")
        faults[last] = fault
    taken = {(info.distribution, info.name): info for info in found}
    return tuple(taken.get(_key(point)) or _lost(point, faults.get(_key(point), "")) for point in points)


def usable_points(infos: Iterable[PluginInfo]) -> list[EntryPoint]:
    """Entry points for a host that leaves out what a survey found to have a fault."""
    broken = {(info.distribution, info.name) for info in infos if info.error}
    return [point for point in installed() if _key(point) not in broken]


def _lost(point: EntryPoint, fault: str) -> PluginInfo:
    return PluginInfo(point.name, distribution_of(point), version_of(point), error=fault or "it was not loaded")


def _key(point: EntryPoint) -> Key:
    return distribution_of(point), point.name


def _ask_child(left_out: list[Key]) -> tuple[list[PluginInfo] | None, Key | None, str]:
    """What the child found; or else the plugin that it imported last, and how its import ended."""
    reading, writing = os.pipe()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    argv = [sys.executable, "-m", "regtrain.host.survey", str(writing), json.dumps(left_out)]
    try:
        child = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what a plugin prints goes to standard error by way of the host
            pass_fds=[writing],
            start_new_session=True,
        )
    finally:
        os.close(writing)
    try:
        return _followed(child, reading)
    finally:
        os.close(reading)
        _kill(child)


def _followed(child: subprocess.Popen[bytes], reading: int) -> tuple[list[PluginInfo] | None, Key | None, str]:
    seconds = import_seconds()
    limit = seconds + max(GRACE, seconds / 2) if seconds else None
    last: Key | None = None
    text = b""
    while select.select([reading], [], [], limit)[0]:
        part = os.read(reading, 1 << 16)
        if not part:
            return None, last, f"its import ended the process ({_end(child.wait())})"
        *lines, text = (text + part).split(b"\n")
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "plugins" in message:
                return [PluginInfo.from_json(value) for value in message["plugins"]], None, ""
            last = (message["importing"][0], message["importing"][1])
    return (
        None,
        last,
        f"its import did not end within {seconds:g} seconds and had to be killed (REGTRAIN_PLUGIN_SECONDS)",
    )


def _end(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child with whatever its plugins have started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _child(report: int, left_out: list[list[str]]) -> None:
    def say(line: dict[str, Any]) -> None:
        text = json.dumps(line).encode() + b"\n"
        while text:
            text = text[os.write(report, text) :]

    skipped = {(distribution, name) for distribution, name in left_out}
    points = [point for point in installed() if _key(point) not in skipped]
    host = Host(points, before_import=lambda point: say({"importing": _key(point)}))
    say({"plugins": [info.to_json() for info in host.plugins]})


if __name__ == "__main__":
    _child(int(sys.argv[1]), json.loads(sys.argv[2]))
