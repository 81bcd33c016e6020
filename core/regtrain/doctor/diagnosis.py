"""Which checks there are, with and without a config."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from regtrain.config import Config, Resolved
from regtrain.doctor import clusters, plugins, storage, versions
from regtrain.doctor.rows import Check, Row
from regtrain.doctor.running import ask_child, run_checks

__all__ = ["diagnose"]

PLUGINS = 600.0  # seconds for all of them; each has a limit of its own
DEVICES, STORAGE, TRACKER = 60.0, 30.0, 30.0


def diagnose(cwd: Path, resolved: Resolved | None) -> list[Row]:
    """Every finding about this installation, and about what a config asks of it.

    The network is used for nothing but what the config, or a variable of the environment, names.
    """
    return run_checks(list(_checks(cwd, resolved)))


def _checks(cwd: Path, resolved: Resolved | None) -> Iterator[Check]:
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
    yield Check("plugins", partial(plugins.find, config), PLUGINS)
    yield Check("storage", partial(ask_child, "registry", "storage", place, STORAGE), STORAGE)
    yield from _tracker_checks(config)
    yield Check("clusters", partial(clusters.find, config.launcher.name if config else None), 2 * clusters.SECONDS)


def _tracker_checks(config: Config | None) -> Iterator[Check]:
    for tracker, keys in (config.trackers if config else {}).items():
        if keys.enabled:
            name = f"tracker {tracker}"
            request = {"name": name, "tracker": tracker, "args": dict(keys.args)}
            yield Check(name, partial(ask_child, name, "tracker", request, TRACKER), TRACKER)
