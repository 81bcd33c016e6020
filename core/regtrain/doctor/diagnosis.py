"""Which checks there are, with and without a config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from regtrain.config import Config, Resolved
from regtrain.doctor import clusters, plugins, storage, versions
from regtrain.doctor.rows import Check, Row, failed
from regtrain.doctor.running import ask_child, run_checks
from regtrain.errors import Guard
from regtrain.host import PluginInfo
from regtrain.host.survey import survey

__all__ = ["diagnose"]

PLUGINS = 600.0  # seconds for all of them; each has a limit of its own
DEVICES, STORAGE, TRACKER = 60.0, 30.0, 30.0


def diagnose(cwd: Path, resolved: Resolved | None) -> list[Row]:
    """Every finding about this installation, and about what a config asks of it.

    The network is used for nothing but what the config, or a variable of the environment, names.
    """
    # first and in the main thread, where an import can be interrupted; the other checks leave out what hangs
    infos: Sequence[PluginInfo] = ()
    with Guard() as call:
        infos = survey()
    rows = run_checks(list(_checks(cwd, resolved, infos)))
    return rows if call.problem is None else [failed("plugins", call.problem), *rows]


def _checks(cwd: Path, resolved: Resolved | None, infos: Sequence[PluginInfo]) -> Iterator[Check]:
    config = resolved.config if resolved else None
    keys = config.registry if config else None
    place = storage.request_for(
        cwd,
        resolved.base_dir if resolved else None,
        keys.uri if keys else None,
        keys.store if keys else None,
        bool(keys and keys.force_network_fs),
    )
    device = {"device": config.training.device if config else None}
    yield Check("versions", versions.find)
    yield Check("devices", partial(ask_child, "devices", "devices", device, DEVICES), DEVICES)
    yield Check("plugins", partial(plugins.find, infos, config), PLUGINS)
    yield Check("storage", partial(ask_child, "registry", "storage", place, STORAGE), STORAGE)
    yield from _tracker_checks(config, infos)
    yield Check("clusters", partial(clusters.find, config.launcher.name if config else None), 2 * clusters.SECONDS)


def _tracker_checks(config: Config | None, infos: Sequence[PluginInfo]) -> Iterator[Check]:
    left_out = [info.name for info in infos if info.error]
    for tracker, keys in (config.trackers if config else {}).items():
        if keys.enabled:
            name = f"tracker {tracker}"
            request = {"name": name, "tracker": tracker, "args": dict(keys.args), "left_out": left_out}
            yield Check(name, partial(ask_child, name, "tracker", request, TRACKER), TRACKER)
